"""Small requests go first: a large one waits a moment where they would be late."""

from collections.abc import Awaitable, Callable

from schemas.statuses import Lane

SLOW_CLAIM_SECONDS = 0.25
"""How long the claim of a small request may take; where it takes longer something else takes all of the machine."""
LATE_START_SECONDS = 0.5
"""How late a scheduled one may begin; the sweeper looks four times a second."""
YIELD_SECONDS = 0.3
"""How long large requests wait when that was passed."""
_SLOW_CALL_SECONDS = 1.0
"""What a call to a provider takes, on average, that keeps small requests late by itself."""
MAX_YIELD_SECONDS = 1.0
"""How long they wait at most between two windows, or two chunks of an expansion, so that they get on all the same."""
_POLL_SECONDS = 0.05


class LanePriority:
    """Of one process. Its loop and the stack serve both lanes alike, and a bulk takes whatever it can get."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._until = float("-inf")

    def express_claimed(self, began: float) -> None:
        """A small request was claimed, in a slot that was free, and its claim began then."""
        if self._monotonic() - began > SLOW_CLAIM_SECONDS:
            self._until = self._monotonic() + YIELD_SECONDS

    def express_started(self, late_seconds: float, call_seconds: float) -> None:
        """A scheduled small request was begun, so late; where calls take long, for its provider's fault."""
        if late_seconds > LATE_START_SECONDS and call_seconds < _SLOW_CALL_SECONDS:
            self._until = self._monotonic() + YIELD_SECONDS

    async def yield_to_express(self, lane: Lane) -> None:
        """Wait, in the bulk lane, while small requests are behind."""
        if lane is Lane.BULK:
            end = self._monotonic() + MAX_YIELD_SECONDS
            while self._monotonic() < min(self._until, end):
                await self._sleep(_POLL_SECONDS)
