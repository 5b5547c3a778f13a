"""Own providers of tenants, and the rules of tenants for their recipients: suppressions and send windows."""
