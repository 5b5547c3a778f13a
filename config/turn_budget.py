"""Heavy work of the services: a bounded part of each turn of the event loop, or a thread of its own."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

TURN_SECONDS = 0.02
"""CPU time in one turn of the loop after which no other piece of work begins in this turn, in seconds."""
HEAVY = 32 * 1024
"""Weight above which a piece of work leaves the loop, in characters of the text that it reads."""
LIGHT = 4 * 1024
"""Weight of the pieces of work that are done between two looks at the clock. A look takes as long as a short text."""
_PIECE = 256
"""Weight of a piece of work without its text."""

T = TypeVar("T")


class TurnBudget:
    """Bound on the CPU time that the work of callers takes in one turn of the event loop.

    A caller chooses how large a text is and how many recipients it has, and a hundred pieces of work may become ready
    in one turn. Each piece waits here for a turn that has time left, in order. All other tasks run in between.
    """

    def __init__(self, cpu_time: Callable[[], float] = time.thread_time) -> None:
        self._cpu_time = cpu_time
        self._turn_ends_at: float | None = None
        """CPU time at which no time is left in the current turn. None until work begins in it."""
        self._weight = 0
        """Weight of the pieces that were done since the last look at the clock."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._thread = ThreadPoolExecutor(1, "heavy-work")

    async def run(self, work: Callable[[], T], weight: int) -> T:
        """Do a piece of work: in a turn of the loop that has time left, or in the thread if it is heavy."""
        if weight > HEAVY:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        if not self._may_begin(weight):
            await self._wait_for_turn()
        return work()

    async def wait(self, weight: int = LIGHT) -> None:
        """Wait for a turn of the loop that has time left for a piece of this weight. Most calls return at once."""
        if not self._may_begin(weight):
            await self._wait_for_turn()

    def _may_begin(self, weight: int) -> bool:
        self._weight += weight + _PIECE
        return not self._waiting and (self._weight < LIGHT or self._has_time())

    async def _wait_for_turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _has_time(self) -> bool:
        now, self._weight = self._cpu_time(), 0
        if self._turn_ends_at is None:
            self._turn_ends_at = now + TURN_SECONDS
            asyncio.get_running_loop().call_soon(self._begin_turn)
        return now < self._turn_ends_at

    def _begin_turn(self) -> None:
        """Let the first one that waits go on. It is one in each turn, because a piece may take as long as a turn."""
        self._turn_ends_at = None
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # it is done if its task was cancelled
                turn.set_result(None)
                self._has_time()
                return
