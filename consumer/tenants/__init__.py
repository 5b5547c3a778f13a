"""Providers that tenants manage themselves."""
