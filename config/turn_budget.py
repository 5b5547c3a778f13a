"""Heavy work of the services: a bounded part of each turn of the event loop, or a thread of its own."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

TURN_SECONDS = 0.002
"""CPU time in one turn of the loop after which no other piece of work begins in this turn, in seconds."""
QUICK = 1024
"""Weight up to which a piece of work goes before the others that wait, in characters."""
HEAVY = 32 * 1024
"""Weight above which a piece of work leaves the loop, in characters of the text that it reads."""
LIGHT = 4 * 1024
"""Weight of the pieces of work that are done between two looks at the clock. A look takes as long as a short text."""
_PIECE = 256
"""Weight of a piece of work without its text."""

_Waiting = deque[tuple[int, asyncio.Future[None]]]
"""Weights of pieces that wait, with what they wait for, in order."""

T = TypeVar("T")


class TurnBudget:
    """Bound on the CPU time that the work of callers takes in one turn of the event loop.

    A caller chooses how large a text is and how many recipients it has, and a hundred pieces of work may become ready
    in one turn. Each piece waits here for a turn that has time left. The quick ones go first, so that a login code does
    not wait for the long texts of another tenant. All other tasks run in between.
    """

    def __init__(self, cpu_time: Callable[[], float] = time.thread_time) -> None:
        self._cpu_time = cpu_time
        self._turn_ends_at: float | None = None
        """CPU time at which no time is left in the current turn. None until work begins in it."""
        self._weight = 0
        """Weight of the pieces that were done since the last look at the clock."""
        self._quick: _Waiting = deque()
        self._others: _Waiting = deque()
        self._thread = ThreadPoolExecutor(1, "heavy-work")
        self._heavy_turn, self._rest_ends_at = asyncio.Lock(), 0.0

    async def run(self, work: Callable[[], T], weight: int) -> T:
        """Do a piece of work: in a turn of the loop that has time left, or in the thread if it is heavy."""
        if weight > HEAVY:
            return await self._run_in_thread(work)
        if (turn := self._turn_for(weight)) is not None:
            await turn
        return work()

    async def _run_in_thread(self, work: Callable[[], T]) -> T:
        """Do a heavy piece of work, one at a time. Before the next one the thread rests for the CPU time of this one.

        So it takes half of the time of a core at most. The loop and the other services wait for the other half only.
        """
        loop, seconds = asyncio.get_running_loop(), 0.0

        def measured() -> T:
            nonlocal seconds
            began_at = time.thread_time()
            try:
                return work()
            finally:
                seconds = time.thread_time() - began_at

        async with self._heavy_turn:
            await asyncio.sleep(max(0.0, self._rest_ends_at - loop.time()))
            try:
                return await loop.run_in_executor(self._thread, measured)
            finally:
                self._rest_ends_at = loop.time() + seconds

    async def wait(self, weight: int = LIGHT) -> None:
        """Wait for a turn of the loop that has time left for a piece of this weight. Most calls return at once."""
        if (turn := self._turn_for(weight)) is not None:
            await turn

    def _turn_for(self, weight: int) -> asyncio.Future[None] | None:
        """Return what a piece of this weight waits for, or None if it may begin."""
        waiting = self._quick if weight <= QUICK else self._others
        if not waiting and self._may_begin(weight):
            return None
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append((weight, turn))
        return turn

    def _may_begin(self, weight: int) -> bool:
        self._weight += weight + _PIECE
        return self._weight < LIGHT or self._has_time()

    def _has_time(self) -> bool:
        now, self._weight = self._cpu_time(), 0
        if self._turn_ends_at is None:
            self._turn_ends_at = now + TURN_SECONDS
            asyncio.get_running_loop().call_soon(self._begin_turn)
        return now < self._turn_ends_at

    def _begin_turn(self) -> None:
        """Let some quick pieces go on, and one other. It is one in each turn, because it may take as long as a turn."""
        self._turn_ends_at = None
        weight = 0
        while self._quick and weight < LIGHT:
            weight += _let_next_begin(self._quick) + _PIECE
        if self._others:
            weight += _let_next_begin(self._others)
        if weight:
            self._has_time()


def _let_next_begin(waiting: _Waiting) -> int:
    """Let the next piece of work begin, and return its weight. It is 0 if there is none."""
    while waiting:
        weight, turn = waiting.popleft()
        if not turn.done():  # it is done if its task was cancelled
            turn.set_result(None)
            return weight
    return 0
