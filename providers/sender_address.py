"""Parser of the sender of an e-mail."""

import re

from core.addresses.mailbox import split_mailbox

BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""Pattern of characters that may end a header or hide in it: control characters except the tab, and line breaks."""

NOT_IN_ADDRESS = re.compile(r"[@\s<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]")
"""Pattern of characters that an address in an SMTP command must not have. Quoted local parts are not supported."""


def split_sender(sender: str) -> tuple[str, str]:
    """Return (display name, address) of `address` or `Name <address>`. Raises ValueError."""
    name, address = split_mailbox(sender)
    local, _, domain = address.rpartition("@")
    plain = address.isascii() and not NOT_IN_ADDRESS.search(local) and not NOT_IN_ADDRESS.search(domain)
    if BREAKS.search(sender) or not local or not domain or not plain:
        raise ValueError("must be an address or Name <address>")
    return name, address
