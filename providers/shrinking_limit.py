"""Limit that follows what a server takes: it shrinks after a refusal, and grows again by one at a time."""

import time
from collections.abc import Callable

GROW_SECONDS = 10.0
"""Time without a refusal after which a limit that shrank grows by one, in seconds."""


class ShrinkingLimit:
    """Number that `shrink` reduces."""

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = self._limit = most
        self._monotonic = monotonic
        self._changed_at = monotonic()

    @property
    def value(self) -> int:
        """Return the limit. After `shrink` it grows again by one at a time."""
        if self._limit < self._most:
            steps = int((self._monotonic() - self._changed_at) / GROW_SECONDS)
            self._limit = min(self._most, self._limit + steps)
            self._changed_at += steps * GROW_SECONDS
        return self._limit

    @property
    def is_reduced(self) -> bool:
        """Return whether the limit shrank, and has not fully grown again."""
        return self.value < self._most

    def shrink(self, count: int) -> None:
        """Reduce the limit to `count`, but to one at least."""
        self._limit = max(1, min(self.value, count))
        self._changed_at = self._monotonic()
