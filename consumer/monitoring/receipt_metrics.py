"""Metrics of receipts."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from consumer.monitoring.histogram import Histogram

_AGE = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)


class ReceiptMetrics:
    """Metrics of the receipts that a consumer settles."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.results = Counter(
            "rollcall_receipts",
            "Receipts by result (docs/operations.md)",
            ("provider", "status", "class", "result"),
            registry=registry,
        )
        self.unrecognised = Counter(
            "rollcall_receipts_unrecognised",
            "Receipts with a status that the table of the vendor does not have",
            ("provider", "code"),
            registry=registry,
        )
        self.kept = Gauge(
            "rollcall_receipts_kept", "Receipts of the whole ledger that match no log yet", registry=registry
        )
        self.age = Histogram(
            "rollcall_receipt_age_seconds",
            "Time from the report of a provider until its log was moved and the event acknowledged",
            ("status",),
            buckets=_AGE,
            registry=registry,
        )
