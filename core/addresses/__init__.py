"""Normalisation of addresses to the form in which they are compared, hashed and used.

email.py normalises e-mail addresses, and phone.py normalises phone numbers. phone_patterns.py recognises plain numbers
without the slow library. control_characters.py has the checks that both share. mail_addresses.py has `reply_to` and
`cc` of an e-mail, and mailbox.py splits `Name <address>`.
"""

from collections.abc import Callable
from functools import partial

from core.addresses.email import normalise_email
from core.addresses.phone import normalise_phone
from core.mask import mask_email, mask_phone, mask_raw
from schemas.statuses import Channel

__all__ = ["AddressRules", "normalise_email", "normalise_phone"]


class AddressRules:
    """Rules of one channel for its addresses."""

    normalise: Callable[[str], str | None]
    """Returns the normalised form of an address as a caller wrote it, or None if it is not valid for the channel."""

    def __init__(self, channel: Channel, default_region: str | None) -> None:
        """Choose the rules. `default_region` is the ISO country of numbers without `+`. None makes them invalid."""
        self._channel = channel
        self._by_region: dict[str, AddressRules] = {}
        if channel is Channel.SMS:
            self.normalise = partial(normalise_phone, default_region=default_region)
            self._mask: Callable[[str], str] = mask_phone
        else:
            self.normalise = normalise_email
            self._mask = mask_email

    def in_region(self, region: str | None) -> "AddressRules":
        """Return the rules of the channel with another default region. None keeps the default region."""
        if region is None:
            return self
        if region not in self._by_region:
            self._by_region[region] = AddressRules(self._channel, region)
        return self._by_region[region]

    def mask(self, raw: str, address: str | None) -> str:
        """Mask an address for logs and events. `address` is the normalised form of `raw`, or None if not valid."""
        return mask_raw(raw) if address is None else self._mask(address)
