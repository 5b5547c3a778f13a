"""Settings of tenants. manage.py has the commands."""
