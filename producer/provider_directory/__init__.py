"""Names and states of providers. The producer has no settings of providers.

directory.py asks for the reports of the consumers. known_providers.py remembers the providers that tenants manage
themselves.
"""
