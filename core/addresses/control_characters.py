"""Checks of raw addresses that all channels share."""

import re

MAX_ADDRESS = 320
"""Maximum length of a raw address, in characters: 64 of local part, an at sign, 255 of domain (RFC 5321, 4.5.3.1)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_control(raw: str) -> bool:
    """Return whether the text has a control character or line separator, which could get into headers and logs."""
    return _CONTROL.search(raw) is not None
