"""What no address may hold, whatever its channel."""

import re

MAX_ADDRESS = 320
"""The longest input looked at, in characters: 64 of local part, an at sign, 255 of domain (RFC 5321, 4.5.3.1)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_control(raw: str) -> bool:
    """Whether a control character or a line separator stands anywhere in it: the way into headers and logs."""
    return _CONTROL.search(raw) is not None
