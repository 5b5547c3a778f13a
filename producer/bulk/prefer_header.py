"""The header `Prefer` (RFC 7240): what a caller would like, and may not get.

`wait=N` is the time for which the caller would wait for more than a first answer. With `handling=lenient` a recipient
that lacks a variable fails alone, as over Kafka. Otherwise the whole call is refused.
"""

import re
from collections.abc import Iterable

MAX_WAIT_SECONDS = 30
MAX_PREFER_LENGTH = 1_000
"""Maximum length of all `Prefer` headers of a call together, in characters."""

# Possessive throughout: nothing is tried twice, so that the time is proportional to the length.
_PREFERENCE = re.compile(
    r'\s*+([!#$%&\'*+.^_`|~0-9A-Za-z-]++)\s*+(?:=\s*+("(?:[^"\\]|\\.)*+"|[^\s",;]++))?+\s*+(;[^,]*+)?$'
)
_SECONDS = re.compile(r"[0-9]{1,9}")


def parse_wait_seconds(headers: Iterable[str]) -> int | None:
    """Return the time to wait in seconds, at most MAX_WAIT_SECONDS.

    Return None if no wait is asked for, or in a form that is to be ignored.
    """
    seconds = _first_value(headers, "wait")
    return min(int(seconds), MAX_WAIT_SECONDS) if seconds and _SECONDS.fullmatch(seconds) else None


def prefers_lenient(headers: Iterable[str]) -> bool:
    """Return whether the caller prefers lenient handling (RFC 7240, 4.4)."""
    return (_first_value(headers, "handling") or "").lower() == "lenient"


def _first_value(headers: Iterable[str], name: str) -> str | None:
    """Return the value of a preference, or None. Of several the first counts (RFC 7240, 2)."""
    for header in headers:
        for preference in header.split(","):
            match = _PREFERENCE.match(preference)
            if match is not None and match[1].lower() == name:
                return (match[2] or "").strip('"')
    return None
