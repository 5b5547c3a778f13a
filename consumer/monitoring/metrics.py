"""Metrics of the consumer. No label contains an address, a tenant or a request."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from config.event_loop_stalls import EventLoopStalls
from consumer.monitoring.histogram import Histogram
from consumer.monitoring.receipt_metrics import ReceiptMetrics
from core.chunk_work import Counts
from ledger.sealing import Sealer
from schemas.statuses import Lane

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_AGE = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)


class _SealCollector(Collector):
    """Collector that asks the sealer, so that a seal costs no call of a metric."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    @override
    def collect(self) -> Iterable[Metric]:
        seals = CounterMetricFamily("rollcall_seals", "Values sealed by this process, by sealing key", labels=["key"])
        seals.add_metric([self._sealer.newest], self._sealer.seals)
        return [seals]


class Metrics:
    """Metrics of one service. Each service has its own registry, so that several can run in one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.event_loop_stalls = EventLoopStalls(registry)

        def counter(name: str, description: str, *labels: str) -> Counter:
            return Counter(name, description, labels, registry=registry)

        def gauge(name: str, description: str, *labels: str) -> Gauge:
            return Gauge(name, description, labels, registry=registry)

        def histogram(name: str, description: str, *labels: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(name, description, labels, buckets=buckets, registry=registry)

        self.deliveries = counter("rollcall_deliveries", "Logged deliveries by status and reason", "status", "reason")
        self.age = histogram(
            "rollcall_outcome_age_seconds", "Time from acceptance to the outcome of a delivery", "lane", buckets=_AGE
        )
        self.provider = histogram(
            "rollcall_provider_seconds", "Time of one call to a provider", "provider", "answer", buckets=_LATENCY
        )
        self.provider_failures = counter(
            "rollcall_provider_failures",
            "Calls to a provider without success, by kind (docs/operations.md)",
            *("provider", "channel", "kind"),
        )
        self.unknown_codes = counter("rollcall_provider_unknown_codes", "Unknown refusals", "provider", "code")
        self.open_breakers = gauge("rollcall_provider_breaker_open", "Providers that are not called", "provider")
        self.windows = gauge("rollcall_windows_open", "Windows that this process is sending")
        self.bytes_in_hand = gauge("rollcall_bytes_in_hand", "Bytes that this process works on", "kind")
        self.backlog = gauge("rollcall_chunks_open", "Chunks of the whole ledger that are not closed", "lane")
        self.requests = counter("rollcall_parts", "Intake records by result", "result")
        self.held = gauge("rollcall_intake_held", "1 if this intake topic is not read because of garbage", "topic")
        self.redirected_events = counter("rollcall_events_redirected", "Events that their reply topic did not take")
        self.dropped_events = counter("rollcall_events_dropped", "Events that are too large for the default topic")
        self.waiting = gauge(
            "rollcall_partition_waits", "1 if this partition waits for an open transaction", "topic", "partition"
        )
        self.takeovers = counter("rollcall_takeovers", "Chunks taken over with an open window")
        self.unopened = counter("rollcall_chunks_unopened", "Claims of a chunk whose sealing key is missing here")
        self.receipts = ReceiptMetrics(registry)
        self.lost_leases = counter("rollcall_leases_lost", "Chunks whose lease this process lost")

    def count_seals(self, sealer: Sealer) -> None:
        """Show the number of values that the newest key of the sealer has sealed."""
        self.registry.register(_SealCollector(sealer))

    def ended(self, lane: Lane, outcomes: Counts, age_seconds: float) -> None:
        """Count the deliveries that a window logged."""
        for (status, reason), number in outcomes.items():
            self.deliveries.labels(status.value, reason.value if reason else "").inc(number)
        self.age.observe((lane.value,), age_seconds, outcomes.total())
