"""Normalisation of addresses to the form in which they are used, and to the form in which they are compared.

email.py reads e-mail addresses. phone.py reads phone numbers, and phone_text.py is its strict rule for their
characters. phone_patterns.py recognises plain numbers without the slow library. problems.py has the reasons why an
address is not valid. control_characters.py has what both channels share. mail_addresses.py has `reply_to` and `cc` of
an e-mail, and mailbox.py splits `Name <address>`.
"""

from collections.abc import Callable
from functools import partial

from core.addresses.email import compare_form, read_email
from core.addresses.phone import read_phone
from core.addresses.problems import AddressProblem
from core.mask import mask_email, mask_phone, mask_raw
from schemas.statuses import Channel

__all__ = ["AddressProblem", "AddressRules"]


class AddressRules:
    """Rules of one channel for its addresses."""

    read: Callable[[str], str | AddressProblem]
    """Returns the normalised form of an address as a caller wrote it, or the reason why it is not valid."""
    compare_form: Callable[[str], str]
    """Returns the form in which two normalised addresses are the same recipient. It is hashed, and never sent to."""

    def __init__(self, channel: Channel, default_region: str | None) -> None:
        """Choose the rules. `default_region` is the ISO country of numbers without `+`. None makes them invalid."""
        self._channel = channel
        self._by_region: dict[str, AddressRules] = {}
        self._mask: Callable[[str], str]
        if channel is Channel.SMS:
            self.read, self.compare_form = partial(read_phone, default_region=default_region), str
            self._mask = mask_phone
        else:
            self.read, self.compare_form = read_email, compare_form
            self._mask = mask_email

    def in_region(self, region: str | None) -> "AddressRules":
        """Return the rules of the channel with another default region. None keeps the default region."""
        if region is None:
            return self
        if region not in self._by_region:
            self._by_region[region] = AddressRules(self._channel, region)
        return self._by_region[region]

    def normalise(self, raw: str) -> str | None:
        """Return the normalised form of an address, or None if it is not valid for the channel."""
        address = self.read(raw)
        return None if isinstance(address, AddressProblem) else address

    def mask(self, raw: str, address: str | None) -> str:
        """Mask an address for logs and events. `address` is the normalised form of `raw`, or None if not valid."""
        return mask_raw(raw) if address is None else self._mask(address)
