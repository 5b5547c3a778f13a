"""Routes for the consents of a tenant: which recipients agreed to which category of messages."""
