"""A request's books as the ledger keeps them, read for a report."""

from collections import Counter
from collections.abc import AsyncIterator

from cli.report.summary import REACHED, NotReached, Summary
from core.ids import position
from ledger.models import Log, StoredRequest
from ledger.ports import Ledger
from ledger.queries import LogQuery
from ledger.request_counts import RequestCounts, count_request
from schemas.statuses import WITHOUT_LOG, Status

_NOT_REACHED = frozenset(status for status in Status if status.value not in REACHED) - WITHOUT_LOG
_BATCH = 1_000


def heading(request: StoredRequest) -> list[str]:
    """What the request is, and where it stands."""
    head = request.header
    lines = [
        f"request   {head.request_id}",
        f"channel   {head.channel.value}",
        f"accepted  {head.accepted_at:%Y-%m-%d %H:%M:%S} UTC",
    ]
    if head.resend_of:
        lines.append(f"repeats   {head.resend_of}")
    if request.completion:
        lines.append(f"completed {request.completion.completed_at:%Y-%m-%d %H:%M:%S} UTC")
    elif request.cancelled:
        lines.append("cancelled, not yet completed")
    else:
        lines.append("not yet completed")
    return [*lines, ""]


async def summarise(ledger: Ledger, request: StoredRequest) -> Summary:
    """The roll call of a request, without the list of those who were not reached."""
    key, completion = request.header.key, request.completion
    books = await count_request(ledger, request)
    counts = Counter({(status.value, reason and reason.value): n for (status, reason), n in books.outcomes.items()})
    total = sum(part.size for part in request.parts.values())
    sums = {counts.total(), total}
    if completion:
        sums |= {completion.total, sum(completion.by_status.values())}
    query = LogQuery(request.header.tenant_id, key=key, statuses=_NOT_REACHED, page_size=1)
    missed = await ledger.logs.find(query)
    return Summary(
        counts=counts,
        total=total,
        missed=(),
        missed_total=missed.total,
        accounted=completion is not None and not completion.incomplete and len(sums) == 1,
        notes=_notes(request, books, counts, total),
    )


def _notes(
    request: StoredRequest, books: RequestCounts, counts: Counter[tuple[str, str | None]], total: int
) -> list[str]:
    """What keeps the books open or does not add up, and what receipts have said since."""
    notes = []
    if arrived := books.current[Status.DELIVERED, None]:
        notes.append(f"by receipt since then: {arrived:,} delivered")
    waiting = sum(n for (status, _), n in counts.items() if status in {status.value for status in WITHOUT_LOG})
    if waiting:
        notes.append(f"{waiting:,} of {total:,} are still to be attempted")
    if request.completion and request.completion.incomplete:
        notes.append("incomplete: a part of the request never came")
    elif not request.all_parts_expanded:
        notes.append("not all parts of the request are expanded yet")
    if counts.total() != total:
        notes.append(f"the counts of the chunks add up to {counts.total():,}, the parts begun hold {total:,}")
    return notes


async def missed_batches(
    ledger: Ledger, request: StoredRequest, *, most: int | None
) -> AsyncIterator[list[NotReached]]:
    """Those who were not reached, in request order; all of them a thousand at a time, or the first `most`."""
    if most is not None:
        query = LogQuery(request.header.tenant_id, key=request.header.key, statuses=_NOT_REACHED, page_size=most)
        yield [_missed(log) for log in (await ledger.logs.find(query)).items]
        return
    batch: list[NotReached] = []
    async for log in ledger.logs.iterate_request(request.header.key):
        if log.status in _NOT_REACHED:
            batch.append(_missed(log))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _missed(log: Log) -> NotReached:
    found = position(log.id)
    _, part, index = found or (None, 0, 0)
    return NotReached(
        part,
        index,
        log.recipient,
        log.reference,
        log.status.value,
        log.reason and log.reason.value,
        log.error,
        log.id,
    )
