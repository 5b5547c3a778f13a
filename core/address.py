"""Addresses as callers write them, to the one form in which they are compared, hashed and sent to."""

from core.address_email import normalise_email
from core.address_phone import normalise_phone

__all__ = ["normalise_email", "normalise_phone"]
