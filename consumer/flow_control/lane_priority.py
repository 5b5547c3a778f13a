"""Small requests go first: a large one waits a moment where they would be late."""

from collections.abc import Awaitable, Callable

from schemas.statuses import Lane

SLOW_SECONDS = 0.25
"""How long the claim of a small request may take; where it takes longer something else takes all of the machine."""
LATE_SECONDS = 0.5
"""How late a scheduled one may begin; the sweeper looks four times a second."""
MOMENT_SECONDS = 0.3
"""How long large requests wait when that was passed."""
_SLOW_CALL_SECONDS = 1.0
"""What a call to a provider takes, on average, that keeps small requests late by itself."""
MOST_SECONDS = 1.0
"""How long they wait at most between two windows, or two chunks of an expansion, so that they get on all the same."""
_LOOK_SECONDS = 0.05


class Precedence:
    """Of one process. Its loop and the stack serve both lanes alike, and a bulk takes whatever it can get."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._until = float("-inf")

    def claimed(self, began: float) -> None:
        """A small request was claimed, in a slot that was free, and its claim began then."""
        if self._monotonic() - began > SLOW_SECONDS:
            self._until = self._monotonic() + MOMENT_SECONDS

    def began(self, late_seconds: float, call_seconds: float) -> None:
        """A scheduled small request was begun, so late; where calls take long, for its provider's fault."""
        if late_seconds > LATE_SECONDS and call_seconds < _SLOW_CALL_SECONDS:
            self._until = self._monotonic() + MOMENT_SECONDS

    async def give_way(self, lane: Lane) -> None:
        """Wait, in the bulk lane, while small requests are behind."""
        if lane is Lane.BULK:
            end = self._monotonic() + MOST_SECONDS
            while self._monotonic() < min(self._until, end):
                await self._sleep(_LOOK_SECONDS)
