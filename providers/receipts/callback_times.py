"""Times in callbacks. A value that is not a time is None."""

import re
from datetime import UTC, datetime

_MAX_CHARACTERS = 40
_MAX_SECONDS = 10**11
_SECONDS = re.compile(r"[0-9]{1,11}")


def iso_moment(value: object) -> datetime | None:
    """Return the time of an ISO 8601 text. It is in UTC unless it names an offset."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= _MAX_CHARACTERS else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def unix_moment(value: object) -> datetime | None:
    """Return the time of Unix seconds, as a number or as digits."""
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _MAX_SECONDS:
        return None
    return datetime.fromtimestamp(value, UTC)
