"""`Prefer: wait=N` (RFC 7240): time for which a caller would wait for more than a first answer."""

import re
from collections.abc import Iterable

MAX_WAIT_SECONDS = 30

_PREFERENCE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s",;]+))?\s*(;[^,]*)?$')
_SECONDS = re.compile(r"[0-9]{1,9}")


def parse_wait_seconds(headers: Iterable[str]) -> int | None:
    """Return the time to wait in seconds, at most MAX_WAIT_SECONDS.

    Return None if no wait is asked for, or in a form that is to be ignored. Of several the first counts (RFC 7240, 2).
    """
    for header in headers:
        for preference in header.split(","):
            match = _PREFERENCE.match(preference)
            if match is None or match[1].lower() != "wait":
                continue
            seconds = (match[2] or "").strip('"')
            return min(int(seconds), MAX_WAIT_SECONDS) if _SECONDS.fullmatch(seconds) else None
    return None
