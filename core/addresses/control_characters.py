"""Checks of raw addresses that all channels share."""

import re

MAX_ADDRESS = 320
"""Maximum length of a raw address, in characters: 64 of local part, an at sign, 255 of domain (RFC 5321, 4.5.3.1)."""

INVISIBLE = "\u00ad\u034f\u061c\u200b\u200e\u200f\u202a-\u202d\u2060-\u2069\ufeff"
"""Invisible characters, as in a regular expression. Contacts and web pages often copy them along with an address."""

REVERSING = "\u202e"
"""Character that shows the text behind it backwards, so that a person may have read another address."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_control(raw: str) -> bool:
    """Return whether the text has a control character or line separator, which could get into headers and logs."""
    return CONTROL.search(raw) is not None
