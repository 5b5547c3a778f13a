"""What the consumer counts. No label holds an address, a tenant or a request."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from consumer.monitoring.histogram import Histogram
from core.chunk_work import Counts
from schemas.statuses import Lane

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_AGE = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)


class Metrics:
    """One registry a service, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "rollcall_deliveries",
            "Deliveries that got their log, by status and reason",
            ["status", "reason"],
            registry=self.registry,
        )
        self.age = Histogram(
            "rollcall_outcome_age_seconds",
            "From the acceptance of a request to the outcome of a delivery",
            ["lane"],
            buckets=_AGE,
            registry=self.registry,
        )
        self.provider = Histogram(
            "rollcall_provider_seconds",
            "One call to a provider",
            ["provider", "answer"],
            buckets=_LATENCY,
            registry=self.registry,
        )
        self.windows = Gauge("rollcall_windows_open", "Windows being sent by this process", registry=self.registry)
        self.backlog = Gauge(
            "rollcall_chunks_open",
            "Chunks of the whole ledger that are not closed",
            ["lane"],
            registry=self.registry,
        )
        self.requests = Counter(
            "rollcall_parts",
            "Records of the intake, by what became of them",
            ["result"],
            registry=self.registry,
        )
        self.held = Gauge(
            "rollcall_intake_held",
            "1: no more is taken of this intake topic, since too much of it cannot be used",
            ["topic"],
            registry=self.registry,
        )
        self.takeovers = Counter(
            "rollcall_takeovers",
            "Chunks taken over with an open window",
            registry=self.registry,
        )
        self.unopened = Counter(
            "rollcall_chunks_unopened",
            "Claims of a chunk that no sealing key of this process opens",
            registry=self.registry,
        )
        self.lost_leases = Counter(
            "rollcall_leases_lost",
            "Chunks that this process had to let go",
            registry=self.registry,
        )

    def ended(self, lane: Lane, outcomes: Counts, age_seconds: float) -> None:
        """Count what a window logged."""
        for (status, reason), number in outcomes.items():
            self.deliveries.labels(status.value, reason.value if reason else "").inc(number)
        self.age.observe((lane.value,), age_seconds, outcomes.total())
