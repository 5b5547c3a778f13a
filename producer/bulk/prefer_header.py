"""`Prefer: wait=N` (RFC 7240): how long a caller would wait for more than a first answer."""

import re
from collections.abc import Iterable

LONGEST_SECONDS = 30

_PREFERENCE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s",;]+))?\s*(;[^,]*)?$')
_SECONDS = re.compile(r"[0-9]{1,9}")


def wait_seconds(headers: Iterable[str]) -> int | None:
    """How long to wait, at most LONGEST_SECONDS; None where nobody asks, or in words that are to be ignored.

    Of several the first counts (RFC 7240, 2).
    """
    for header in headers:
        for preference in header.split(","):
            found = _PREFERENCE.match(preference)
            if found is None or found[1].lower() != "wait":
                continue
            seconds = (found[2] or "").strip('"')
            return min(int(seconds), LONGEST_SECONDS) if _SECONDS.fullmatch(seconds) else None
    return None
