"""Routes for the rights of a person: export and erasure of the data about a user or a recipient.

routes.py holds both routes. access.py reads the body, and names the call for the audit log. export.py streams an export
in one of the formats of export_formats.py, and exported_data.py finds what is in it. remains.py says what an erasure
does not reach.
"""
