"""Priority of small requests. Large requests pause for a moment when small ones are late."""

from collections.abc import Awaitable, Callable

from schemas.statuses import Lane

SLOW_CLAIM_SECONDS = 0.25
"""Claim time of an express chunk in seconds above which the process counts as overloaded."""
LATE_START_SECONDS = 0.5
"""Delay of a scheduled express chunk in seconds above which the process counts as overloaded.

The sweeper claims due chunks four times a second.
"""
YIELD_SECONDS = 0.3
"""Pause of large requests after one of these limits was exceeded, in seconds."""
_SLOW_CALL_SECONDS = 1.0
"""Average duration of a provider call in seconds from which the provider itself makes small requests late."""
MAX_YIELD_SECONDS = 1.0
"""Maximum pause between two windows, or between two chunks of an expansion, in seconds.

It lets large requests make progress.
"""
_POLL_SECONDS = 0.05


class LanePriority:
    """Priority between the lanes of one process. Event loop, MongoDB and Kafka do not tell the lanes apart."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._until = float("-inf")

    def express_claimed(self, started_at: float) -> None:
        """Take note of an express chunk that was claimed in a free slot. `started_at` is the start of its claim."""
        if self._monotonic() - started_at > SLOW_CLAIM_SECONDS:
            self._until = self._monotonic() + YIELD_SECONDS

    def express_started(self, late_seconds: float, call_seconds: float) -> None:
        """Take note of a late start of a scheduled express chunk. It does not count if provider calls are slow."""
        if late_seconds > LATE_START_SECONDS and call_seconds < _SLOW_CALL_SECONDS:
            self._until = self._monotonic() + YIELD_SECONDS

    async def yield_to_express(self, lane: Lane) -> None:
        """Pause a bulk chunk while small requests are late. Return at once in the express lane."""
        if lane is Lane.BULK:
            end = self._monotonic() + MAX_YIELD_SECONDS
            while self._monotonic() < min(self._until, end):
                await self._sleep(_POLL_SECONDS)
