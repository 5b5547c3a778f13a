"""Own providers of tenants, their suppressions, and erasures of data."""
