"""Who a mail comes from."""

import re
from email.utils import formataddr

BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""What may end a header or hide in it: all control characters but the tab, and the line breaks of Unicode."""

NOT_IN_ADDRESS = re.compile(r"[@\s<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]")
"""What neither side of an address's @ may hold in an SMTP command; quoted local parts are not supported."""

_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")


def split_sender(sender: str) -> tuple[str, str]:
    """(From header, envelope address) of `address` or `Name <address>`; raises ValueError."""
    named = _NAMED.fullmatch(sender)
    name, address = (named[1].strip().strip('"'), named[2]) if named else ("", sender)
    local, _, domain = address.rpartition("@")
    plain = address.isascii() and not NOT_IN_ADDRESS.search(local) and not NOT_IN_ADDRESS.search(domain)
    if BREAKS.search(sender) or not local or not domain or not plain:
        raise ValueError("it is neither an address nor Name <address>")
    return formataddr((name, address), "utf-8"), address
