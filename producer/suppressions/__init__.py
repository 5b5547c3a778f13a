"""Routes for the suppressions of a tenant: addresses that must not be written to.

routes.py holds the routes for one address and for the list, and transfer_routes.py those for import and export.
access.py opens the key of the tenant. answers.py masks addresses, and import_lines.py reads the lines of an import.
"""
