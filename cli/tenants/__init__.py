"""Settings and providers of tenants.

manage.py shows and changes settings. own_providers.py lists and checks the providers that a tenant manages itself.
"""
