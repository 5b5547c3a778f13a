"""Routes for the providers that tenants manage themselves.

routes.py holds the routes. bodies.py reads bodies and finds all that is wrong with them. changes.py makes the new list
of a tenant within the bounds of the operator, and store.py stores it. answers.py hides secrets.
"""
