"""Small requests go first: a large one waits a moment where they would be late."""

from collections.abc import Awaitable, Callable

from schemas.statuses import Lane

SLOW_SECONDS = 0.25
"""How long the claim of a small request may take, or of all that are due; where it takes longer something else takes
all of the machine."""
MOMENT_SECONDS = 0.3
"""How long large requests wait when that took longer."""
MOST_SECONDS = 1.0
"""How long they wait at most between two windows: each chunk in hand gets on by a window a second."""
_LOOK_SECONDS = 0.05


class Precedence:
    """Of one process. Its loop and the stack serve both lanes alike, and a bulk takes whatever it can get."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._until = float("-inf")

    def look(self, began: float) -> None:
        """Small requests are being claimed since then, and slots are free: what keeps them is what else is done."""
        now = self._monotonic()
        if now - began > SLOW_SECONDS:
            self._until = now + MOMENT_SECONDS

    async def give_way(self, lane: Lane) -> None:
        """Wait, in the bulk lane, while small requests are behind."""
        if lane is Lane.BULK:
            end = self._monotonic() + MOST_SECONDS
            while self._monotonic() < min(self._until, end):
                await self._sleep(_LOOK_SECONDS)
