"""Own providers of tenants, the rules of tenants for their recipients, and erasures of data.

The rules are suppressions, consents, send windows and caps.
"""
