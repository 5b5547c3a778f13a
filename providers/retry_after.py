"""Parser of the header Retry-After (RFC 9110, section 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.retry import LONGEST_WAIT_SECONDS

MAX_SECONDS = LONGEST_WAIT_SECONDS
"""Maximum wait, in seconds. A longer wait is cut to this value, so that no date can overflow."""

_SECONDS = re.compile(r"[0-9]{1,12}")


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds to wait, 0 if the time has passed, or None if the value is neither seconds nor a date."""
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), MAX_SECONDS)
    try:
        until = parsedate_to_datetime(value)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max((until - now).total_seconds(), 0.0), MAX_SECONDS)
    except (ValueError, OverflowError):  # the second one: a time zone that is no time of a day
        return None
