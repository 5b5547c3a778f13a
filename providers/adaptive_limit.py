"""Number of concurrent calls that a vendor takes well: it grows by one, and shrinks by a share (AIMD)."""

import time
from collections.abc import Callable

SHRINK_SHARE = 0.7
"""Factor of the limit after a call that the vendor refused as too many, or that was too slow."""
SLOW_SHARE = 0.9
"""Share of the time-out from which a call is too slow.

It is near the end, because a smaller limit makes messages wait for a connection, and this time is missing for their
answer.
"""
PAUSE_SECONDS = 1.0
"""Time after a decrease in which there is no other one, in seconds. The calls of that time had begun before."""


class AdaptiveLimit:
    """Limit between one and the number of the entry. It begins with that number.

    As many calls as the limit that went well raise it by one. So a vendor that refuses calls gets fewer at a time
    within seconds, and all of them again after it has recovered.
    """

    def __init__(self, most: int, timeout_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most, self._slow_seconds, self._monotonic = most, timeout_seconds * SLOW_SHARE, monotonic
        self._limit = float(most)
        self._shrunk_at = monotonic() - PAUSE_SECONDS

    @property
    def value(self) -> int:
        """Return the maximum number of concurrent calls now."""
        return int(self._limit)

    def record(self, seconds: float, *, refused: bool) -> None:
        """Note how long a call took, and whether the vendor refused it because there were too many (429)."""
        if not refused and seconds < self._slow_seconds:
            self._limit = min(self._most, self._limit + 1 / self._limit)
            return
        now = self._monotonic()
        if now - self._shrunk_at >= PAUSE_SECONDS:
            self._limit, self._shrunk_at = max(1.0, self._limit * SHRINK_SHARE), now
