"""Commands for the suppressions of a tenant: addresses that must not be written to.

one_address.py adds and removes, show.py lists and exports. import_file.py reads a file of any size, and rows.py has the
meaning of its rows, and import_reader.py names those that are wrong. with_ledger.py opens the ledger for all of them.
"""
