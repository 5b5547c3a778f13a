"""Small requests go first: a large one waits a moment where they would be late."""

from collections.abc import Awaitable, Callable

from schemas.statuses import Lane

SLOW_SECONDS = 0.25
"""How long the claim of a small request may take; where it takes longer something else takes all of the machine."""
MOMENT_SECONDS = 0.3
"""How long large requests wait when a claim was slow, or more was due at once than could be taken up."""
MOST_SECONDS = 1.0
"""How long they wait for it at most between two windows, or two chunks of an expansion."""
_LOOK_SECONDS = 0.05


class Precedence:
    """Of one process. Its loop and the stack serve both lanes alike, and a bulk takes whatever it can get."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._until = float("-inf")

    def claim(self) -> None:
        """Small requests are behind, though slots are free: what keeps them is what else is done here."""
        self._until = self._monotonic() + MOMENT_SECONDS

    async def give_way(self, lane: Lane) -> None:
        """Wait, in the bulk lane, while small requests are behind."""
        if lane is Lane.BULK:
            end = self._monotonic() + MOST_SECONDS
            while self._monotonic() < min(self._until, end):
                await self._sleep(_LOOK_SECONDS)
