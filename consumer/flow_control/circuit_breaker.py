"""Poison: how many records of an intake topic cannot be used, and when it is too many to go on.

A caller that publishes rubbish would otherwise empty a topic into the dead letters, good records in between and all.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice


class CircuitOpen(Exception):  # noqa: N818  # a state of the world, not a mistake
    """One more of this topic's records is poison, and that is over the limit: it is not given up, and waits."""


@dataclass(frozen=True, slots=True)
class CircuitBreakerLimits:
    """How much of it is taken, by topic and process."""

    run: int
    """So many in a row."""
    share: float
    """So large a part of the last `sample` records, once there were so many."""
    sample: int


class IntakeCircuitBreaker:
    """Counter of the unusable records of each intake topic. `None` for the limits lets every record pass."""

    def __init__(self, limits: CircuitBreakerLimits | None) -> None:
        self._limits = limits
        self._runs: dict[str, int] = {}
        self._last: dict[str, deque[bool]] = {}
        self._refused: dict[str, set[str]] = {}
        """By topic, where the records stand that are poison and still in hand."""

    def record_failure(self, topic: str, origin: str) -> None:
        """Note that a record in hand is poison; raises TooMuchPoison where it must not be given up."""
        refused = self._refused.setdefault(topic, set())
        if (limits := self._limits) is None or origin in refused:
            return
        if self._runs.get(topic, 0) + len(refused) >= limits.run:
            raise CircuitOpen(f"more than {limits.run} records in a row cannot be used")
        last, more = self._last.get(topic, ()), len(refused) + 1
        if len(last) == limits.sample and sum(islice(last, more, None)) + more > limits.share * limits.sample:
            raise CircuitOpen(f"more than {limits.share:.0%} of {limits.sample} records cannot be used")
        refused.add(origin)

    def record_done(self, topic: str, origin: str) -> None:
        """A record in hand is dealt with."""
        if (limits := self._limits) is None:
            return
        refused = self._refused.get(topic, set())
        poison = origin in refused
        refused.discard(origin)
        self._runs[topic] = self._runs.get(topic, 0) + 1 if poison else 0
        self._last.setdefault(topic, deque(maxlen=limits.sample)).append(poison)
