"""Vendors with an HTTP API of their own. Each file has the entry, the table of codes and the API of one vendor.

docs/adding-a-provider.md is the recipe for another one.
"""
