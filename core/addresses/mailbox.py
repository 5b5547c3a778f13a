"""Parser of a mailbox as people write it: `address` or `Name <address>`."""

import re

_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")


def split_mailbox(text: str) -> tuple[str, str]:
    """Return (name, address), unchecked. The name is empty if the text has none. Quotes around it are removed."""
    named = _NAMED.fullmatch(text.strip(" "))
    return (named[1].strip().strip('"'), named[2]) if named else ("", text)
