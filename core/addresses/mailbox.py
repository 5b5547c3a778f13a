"""Parser of a mailbox as people write it: `address` or `Name <address>`."""

import re

_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def split_mailbox(text: str) -> tuple[str, str]:
    """Return (name, address), unchecked. The name is empty if the text has none.

    Quotes around the name are removed, and the backslashes inside of them too (RFC 5322, 3.2.4).
    """
    named = _NAMED.fullmatch(text.strip(" "))
    if named is None:
        return "", text
    name = named[1].strip()
    quoted = _QUOTED.fullmatch(name)
    return re.sub(r"\\(.)", r"\1", quoted[1]).strip() if quoted else name, named[2]
