"""Times as vendors in China write them."""

import re
from datetime import datetime, timedelta, timezone

from providers.receipts.callback_values import text_of

_CHINA = timezone(timedelta(hours=8))
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def china_time(value: object) -> datetime | None:
    """Return a time such as `2026-11-30 20:00:00` of China's time zone, or None for another value."""
    text = text_of(value)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=_CHINA) if _TIME.fullmatch(text) else None
    except ValueError:
        return None
