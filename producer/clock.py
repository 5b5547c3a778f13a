"""Time and chance as the service takes them: as arguments, so that tests choose both."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ClockAndRandom:
    """Where now and random bytes come from."""

    now: Callable[[], datetime] = utc_now
    random_bytes: Callable[[int], bytes] = os.urandom
