"""Decisions on deliveries that a previous owner may have sent."""

from core.chunk_work import Window
from core.delivery_outcome import NotSent, WindowDelivery
from ledger.models import RequestHeader
from providers.provider import Provider
from schemas.statuses import OnUncertain, Status


def apply_takeover(  # noqa: PLR0913  # everything that decides
    entries: list[WindowDelivery],
    window: Window,
    provider: Provider | None,
    header: RequestHeader,
    *,
    taken_over: bool,
    stop: Status | None,
    max_attempts: int,
) -> None:
    """What is to be done with deliveries that an earlier owner may have sent and that have no log."""
    doubtful = taken_over or window.batch.pinned_provider is not None
    exhausted = taken_over and window.batch.attempts + 1 >= max_attempts
    if not doubtful or (provider and provider.deduplicates and not stop and not exhausted):
        return  # nothing in doubt, or asking the same provider again is safe
    for entry in entries:
        if entry.result is None:
            if exhausted or (taken_over and stop) or header.on_uncertain is OnUncertain.MARK_UNKNOWN:
                entry.result = NotSent.MAYBE_SENT
            else:
                entry.possibly_sent = True
