"""Queue for something that both lanes share, such as the connections or the rate of a provider."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from schemas.statuses import Lane

T = TypeVar("T")

EXPRESS_TURNS = 4
"""Number of turns that the express lane has while the bulk lane waits. The next turn is the bulk lane's."""


class LaneQueue(Generic[T]):
    """Waiters in order, those of the express lane first. The bulk lane has every fifth turn, so it never starves."""

    def __init__(self) -> None:
        self._express: deque[T] = deque()
        self._bulk: deque[T] = deque()
        self._express_turns = 0
        """Number of turns of the express lane since the last turn of the bulk lane, which waited meanwhile."""

    def __len__(self) -> int:
        return len(self._express) + len(self._bulk)

    def __iter__(self) -> Iterator[T]:
        yield from self._express
        yield from self._bulk

    def add(self, lane: Lane, waiter: T, *, first: bool = False) -> None:
        """Add a waiter behind those of its lane, or before them."""
        queue = self._queue(lane)
        if first:
            queue.appendleft(waiter)
        else:
            queue.append(waiter)

    def remove(self, lane: Lane, waiter: T) -> None:
        """Remove a waiter, if it still waits."""
        with contextlib.suppress(ValueError):
            self._queue(lane).remove(waiter)

    def retain(self, is_wanted: Callable[[T], bool]) -> None:
        """Remove the waiters for which `is_wanted` returns False."""
        self._express = deque(filter(is_wanted, self._express))
        self._bulk = deque(filter(is_wanted, self._bulk))

    def pop(self) -> T:
        """Remove and return the waiter whose turn it is. Raise IndexError if there is none."""
        if self._express and (not self._bulk or self._express_turns < EXPRESS_TURNS):
            self._express_turns += bool(self._bulk)
            return self._express.popleft()
        self._express_turns = 0
        return self._bulk.popleft()

    def _queue(self, lane: Lane) -> deque[T]:
        return self._express if lane is Lane.EXPRESS else self._bulk
