"""Counts of receipts and of refused callbacks, in metrics with a bounded number of labels."""

from collections.abc import Callable

import structlog
from prometheus_client import CollectorRegistry, Counter

from producer.callbacks.receipt_records import shown_code
from producer.callbacks.sources import ReceiptSource
from providers.receipts.receipt_format import VendorReceipt
from schemas.receipts import ReceiptStatus

MAX_CODES = 200
"""Maximum number of different codes in the metric of unrecognised receipts. The others count as `other`."""
LOG_SECONDS = 30.0
"""Minimum time between two log lines about refused calls of one provider, in seconds."""
OTHER = "other"

_log = structlog.get_logger()


class CallbackCounts:
    """Counts what came of the calls."""

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._received = Counter(
            "rollcall_callback_receipts",
            "Receipts that Kafka has acknowledged. All providers of tenants are `own`.",
            ["provider", "status", "receipt_class"],
            registry=registry,
        )
        self._unrecognised = Counter(
            "rollcall_callback_receipts_unrecognised",
            "Receipts with a status that the table of the vendor does not have, by the raw code.",
            ["kind", "code"],
            registry=registry,
        )
        self._dropped = Counter(
            "rollcall_callback_receipts_dropped",
            "Receipts that name neither a delivery nor a message.",
            ["kind"],
            registry=registry,
        )
        self._refused = Counter(
            "rollcall_callbacks_refused",
            "Callbacks of vendors that were refused.",
            ["kind", "reason"],
            registry=registry,
        )
        self._inbound = Counter(
            "rollcall_inbound_messages",
            "SMS from people, by what they ask for. All providers of tenants are `own`.",
            ["provider", "word"],
            registry=registry,
        )
        self._codes: set[tuple[str, str]] = set()
        self._logged_at: dict[str, float] = {}
        """Time of the last log line by provider. Only the providers of the installation have lines of their own."""

    def count(self, source: ReceiptSource, receipt: VendorReceipt, *, was_published: bool) -> None:
        """Count a receipt of a call that Kafka has acknowledged. One without an id was not published."""
        if not was_published:
            self._dropped.labels(source.kind).inc()
            return
        status, receipt_class = receipt.status.value, receipt.receipt_class or "none"
        self._received.labels(source.label, status, receipt_class).inc()
        if receipt.status is ReceiptStatus.UNRECOGNISED:
            code = self._bounded(source.kind, shown_code(receipt.code) or OTHER)
            self._unrecognised.labels(source.kind, code).inc()

    def inbound(self, source: ReceiptSource, word: str) -> None:
        """Count an SMS from a person."""
        self._inbound.labels(source.label, word).inc()

    def refused(self, source: ReceiptSource | None, reason: str, detail: str = "") -> None:
        """Count a refused call. Log it seldom, because anybody may call. `detail` has no value of the call."""
        kind = source.kind if source else "unknown"
        self._refused.labels(kind, reason).inc()
        if source is None:
            return
        now = self._monotonic()
        if now - self._logged_at.get(source.label, float("-inf")) >= LOG_SECONDS:
            self._logged_at[source.label] = now
            _log.warning("callback refused", provider=source.provider, kind=kind, reason=reason, error=detail)

    def _bounded(self, kind: str, code: str) -> str:
        if len(self._codes) < MAX_CODES:
            self._codes.add((kind, code))
        return code if (kind, code) in self._codes else OTHER
