"""Commands for the consents of a tenant. import_file.py reads a file of any size."""
