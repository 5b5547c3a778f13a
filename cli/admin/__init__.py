"""Setup and check of an installation.

init.py writes a settings file. create_topics.py and setup.py create topics and indexes. doctor.py finds problems.
check_providers.py checks providers. development_token.py issues tokens. unknown_variables.py finds misspelt variables.
"""
