"""Addresses as the rules of their channel read them."""

from core.addresses import AddressRules
from schemas.statuses import Channel

normalise_email = AddressRules(Channel.EMAIL, None).normalise
_RULES = AddressRules(Channel.SMS, None)


def normalise_phone(raw: str, default_region: str | None) -> str | None:
    """Return the number in E.164, or None if it is not valid."""
    return _RULES.in_region(default_region).normalise(raw)
