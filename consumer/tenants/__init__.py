"""Own providers of tenants, and their suppressions."""
