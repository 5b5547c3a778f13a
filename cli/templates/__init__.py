"""Stored message templates.

manage.py has the commands. validate_template.py checks a text before it is stored. mapping_file.py reads a mapping.
"""
