"""Decisions on deliveries that a previous owner may have sent."""

from core.chunk_work import Window
from core.delivery_outcome import Entry, Mark
from ledger.models import RequestHeader
from providers.provider import Provider
from schemas.statuses import OnUncertain, Status


def inherit(  # noqa: PLR0913  # everything that decides
    entries: list[Entry],
    window: Window,
    provider: Provider | None,
    head: RequestHeader,
    *,
    taken_over: bool,
    stop: Status | None,
    max_attempts: int,
) -> None:
    """What is to be done with deliveries that an earlier owner may have sent and that have no log."""
    doubtful = taken_over or window.batch.sticky is not None
    exhausted = taken_over and window.batch.attempts + 1 >= max_attempts
    if not doubtful or (provider and provider.deduplicates and not stop and not exhausted):
        return  # nothing in doubt, or asking the same provider again is safe
    for entry in entries:
        if entry.answer is None:
            if exhausted or (taken_over and stop) or head.on_uncertain is OnUncertain.MARK_UNKNOWN:
                entry.answer = Mark.LOST
            else:
                entry.tainted = True
