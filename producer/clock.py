"""Time and random bytes of the service. They are passed in as arguments, so that tests can choose both."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ClockAndRandom:
    """Source of the current time and of random bytes. It also sleeps."""

    now: Callable[[], datetime] = utc_now
    random_bytes: Callable[[int], bytes] = os.urandom
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
