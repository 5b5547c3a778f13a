"""Circuit breaker of the intake. It opens when too many records of a topic are unusable.

Without it, a caller that publishes unusable records would move a whole topic into the dead letters, in spite of good
records in between.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice


class CircuitOpen(Exception):  # noqa: N818  # a state of the world, not a mistake
    """Too many records of a topic are unusable. The record is not rejected and stays in the topic."""


@dataclass(frozen=True, slots=True)
class CircuitBreakerLimits:
    """Limits for unusable records, per topic and process."""

    run: int
    """Maximum number of unusable records in a row."""
    share: float
    """Maximum share of unusable records among the last `sample` records. It applies to full samples only."""
    sample: int
    """Number of records for which `share` is measured."""


class IntakeCircuitBreaker:
    """Counter of the unusable records of each intake topic. With `None` as limits the breaker never opens."""

    def __init__(self, limits: CircuitBreakerLimits | None) -> None:
        self._limits = limits
        self._runs: dict[str, int] = {}
        self._last: dict[str, deque[bool]] = {}
        self._in_progress: dict[str, set[str]] = {}
        """Origins of unusable records that are not done yet, by topic."""

    def record_failure(self, topic: str, origin: str) -> None:
        """Count a record as unusable. Raise CircuitOpen if it must not be rejected."""
        in_progress = self._in_progress.setdefault(topic, set())
        if (limits := self._limits) is None or origin in in_progress:
            return
        if self._runs.get(topic, 0) + len(in_progress) >= limits.run:
            raise CircuitOpen(f"more than {limits.run} records in a row are unusable")
        last, pending = self._last.get(topic, ()), len(in_progress) + 1
        if len(last) == limits.sample and sum(islice(last, pending, None)) + pending > limits.share * limits.sample:
            raise CircuitOpen(f"more than {limits.share:.0%} of {limits.sample} records are unusable")
        in_progress.add(origin)

    def record_done(self, topic: str, origin: str) -> None:
        """Count a record as done."""
        if (limits := self._limits) is None:
            return
        in_progress = self._in_progress.get(topic, set())
        failed = origin in in_progress
        in_progress.discard(origin)
        self._runs[topic] = self._runs.get(topic, 0) + 1 if failed else 0
        self._last.setdefault(topic, deque(maxlen=limits.sample)).append(failed)
