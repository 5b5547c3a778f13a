"""Parser of the sender of an e-mail."""

import re

from core.addresses.mailbox import split_mailbox

BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""Pattern of characters that may end a header or hide in it: control characters except the tab, and line breaks."""

_PART = r"[^@\s<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]+"
PATH = re.compile(f"{_PART}@{_PART}")
"""Pattern of an address in an SMTP command, without what could end it. Quoted local parts are not supported."""


def split_sender(sender: str) -> tuple[str, str]:
    """Return (display name, address) of `address` or `Name <address>`. Raises ValueError."""
    name, address = split_mailbox(sender)
    if BREAKS.search(sender) or not address.isascii() or not PATH.fullmatch(address):
        raise ValueError("must be an address or Name <address>")
    return name, address
