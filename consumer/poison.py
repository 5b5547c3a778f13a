"""Poison: how many records of an intake topic cannot be used, and when it is too many to go on.

A caller that publishes rubbish would otherwise empty a topic into the dead letters, good records in between and all.
"""

from collections import deque
from dataclasses import dataclass


class TooMuchPoison(Exception):  # noqa: N818  # a state of the world, not a mistake
    """One more of this topic's records is poison, and that is over the limit: it is not given up, and waits."""


@dataclass(frozen=True, slots=True)
class PoisonLimits:
    """How much of it is taken, by topic and process."""

    run: int
    """So many in a row."""
    share: float
    """So large a part of the last `sample` records, once there were so many."""
    sample: int


class PoisonGuard:
    """Counts the records of each intake topic. Without limits it lets everything pass."""

    def __init__(self, limits: PoisonLimits | None = None) -> None:
        self._limits = limits
        self._runs: dict[str, int] = {}
        self._last: dict[str, deque[bool]] = {}
        self._refused: set[str] = set()
        """Topics whose record in hand is poison."""

    def admit(self, topic: str) -> None:
        """Note that the record in hand is poison; raises TooMuchPoison where it must not be given up."""
        if (limits := self._limits) is None or topic in self._refused:
            return
        if self._runs.get(topic, 0) >= limits.run:
            raise TooMuchPoison(f"more than {limits.run} records in a row cannot be used")
        last = self._last.get(topic)
        if last and len(last) == limits.sample and sum(last) - last[0] + 1 > limits.share * limits.sample:
            raise TooMuchPoison(f"more than {limits.share:.0%} of {limits.sample} records cannot be used")
        self._refused.add(topic)

    def ended(self, topic: str) -> None:
        """The record in hand is dealt with."""
        if (limits := self._limits) is None:
            return
        poison = topic in self._refused
        self._refused.discard(topic)
        self._runs[topic] = self._runs.get(topic, 0) + 1 if poison else 0
        self._last.setdefault(topic, deque(maxlen=limits.sample)).append(poison)
