"""Format of the timestamps that rollcall writes into JSON."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=64)  # the logs of a window share one time
def rfc3339(moment: datetime) -> str:
    """Return an aware datetime as RFC 3339 in UTC with milliseconds.

    The text always has the same length, so that a repeated request is split into parts at the same recipients.
    """
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
