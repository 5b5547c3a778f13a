"""Circuit breaker of the intake. It opens when too many records of a topic are garbage.

Garbage is a record that is not a request, so that no producer can have checked it. Without the breaker, a program that
publishes garbage would move a whole topic into the dead letters, in spite of good records in between. Records that the
consumer refuses for a choice of their caller do not count, because every caller could stop all others with them.
"""

from collections import Counter, deque
from dataclasses import dataclass

from consumer.logger import logger

TENANT_SHARE = 0.1
"""Maximum share of a limit that the garbage of one tenant may fill. One tenant alone therefore never opens it."""

_GOOD = ""
"""Mark of a record that is not garbage, in place of its tenant. No tenant has an empty name."""


class CircuitOpen(Exception):  # noqa: N818  # a state of the world, not a mistake
    """Too many records of a topic are garbage. The record is not rejected and stays in the topic."""


@dataclass(frozen=True, slots=True)
class CircuitBreakerLimits:
    """Limits for garbage, per topic and process."""

    run: int
    """Maximum number of garbage records in a row."""
    share: float
    """Maximum share of garbage among the last `sample` records. It applies to full samples only."""
    sample: int
    """Number of records for which `share` is measured."""


class IntakeCircuitBreaker:
    """Counter of the garbage in each intake topic. With `None` as limits the breaker never opens."""

    def __init__(self, limits: CircuitBreakerLimits | None) -> None:
        self._limits = limits
        self._topics: dict[str, _TopicCounts] = {}

    def record_garbage(self, topic: str, origin: str, tenant_id: str | None = None) -> None:
        """Count a record as garbage, of a tenant if it names one. Raise CircuitOpen if it must not be rejected."""
        if self._limits is None:
            return
        counts = self._counts_of(topic, self._limits)
        if origin in counts.in_progress:
            return
        if counts.add_garbage(tenant_id):
            logger.warning("flood of garbage", topic=topic, origin=origin, tenant_id=tenant_id)
        counts.in_progress.add(origin)

    def record_done(self, topic: str, origin: str) -> None:
        """Count a record as done. It was good unless `record_garbage` counted it."""
        if self._limits is None:
            return
        counts = self._counts_of(topic, self._limits)
        if origin in counts.in_progress:
            counts.in_progress.discard(origin)
        else:
            counts.add_good()

    def _counts_of(self, topic: str, limits: CircuitBreakerLimits) -> "_TopicCounts":
        if topic not in self._topics:
            self._topics[topic] = _TopicCounts(limits)
        return self._topics[topic]


class _TopicCounts:
    """Counts of one topic."""

    def __init__(self, limits: CircuitBreakerLimits) -> None:
        self._limits = limits
        self._run, self._sample = _GarbageCount(limits.run), _GarbageCount(limits.share * limits.sample)
        self._last: deque[str | None] = deque()
        """Tenants of the last records. None is garbage that names no tenant."""
        self.in_progress: set[str] = set()
        """Origins of garbage records that are not done yet."""

    def add_garbage(self, tenant_id: str | None) -> bool:
        """Count a garbage record. Return whether this tenant has filled its part of the sample with it.

        Raise CircuitOpen if the record is one too many.
        """
        limits, is_full = self._limits, len(self._last) == self._limits.sample
        if self._run.is_exceeded_by(tenant_id):
            raise CircuitOpen(f"more than {limits.run} records in a row are unusable")
        if is_full and self._sample.is_exceeded_by(tenant_id, instead_of=self._last[0]):
            raise CircuitOpen(f"more than {limits.share:.0%} of {limits.sample} records are unusable")
        self._append(tenant_id)
        self._run.add(tenant_id)
        return self._sample.add(tenant_id)

    def add_good(self) -> None:
        """Count a good record. It ends a run of garbage."""
        self._run = _GarbageCount(self._limits.run)
        self._append(_GOOD)

    def _append(self, tenant_id: str | None) -> None:
        if len(self._last) == self._limits.sample:
            self._sample.remove(self._last.popleft())
        self._last.append(tenant_id)


class _GarbageCount:
    """Number of garbage records, of which each tenant fills a limited part. Garbage without a tenant counts in full."""

    def __init__(self, limit: float) -> None:
        self._limit, self._most_of_tenant = limit, max(1, int(limit * TENANT_SHARE))
        self._by_tenant: Counter[str | None] = Counter()
        """Number of records by tenant. There are no more tenants than records that are counted."""
        self._total = 0

    def is_exceeded_by(self, tenant_id: str | None, *, instead_of: str | None = _GOOD) -> bool:
        """Return whether one more record of a tenant exceeds the limit, if an old record leaves the count."""
        leaves = instead_of != _GOOD and self._counts(instead_of, self._by_tenant[instead_of])
        return self._counts(tenant_id, self._by_tenant[tenant_id] + 1) and self._total + 1 - leaves > self._limit

    def add(self, tenant_id: str | None) -> bool:
        """Count a record. Return whether this tenant has filled its part of the limit with it."""
        self._by_tenant[tenant_id] += 1
        self._total += self._counts(tenant_id, self._by_tenant[tenant_id])
        return tenant_id is not None and self._by_tenant[tenant_id] == self._most_of_tenant

    def remove(self, tenant_id: str | None) -> None:
        """Take a record out of the count. A good record was never in it."""
        if tenant_id == _GOOD:
            return
        self._total -= self._counts(tenant_id, self._by_tenant[tenant_id])
        self._by_tenant[tenant_id] -= 1
        if not self._by_tenant[tenant_id]:
            del self._by_tenant[tenant_id]

    def _counts(self, tenant_id: str | None, number: int) -> bool:
        """Return whether the n-th record of a tenant counts."""
        return tenant_id is None or number <= self._most_of_tenant
