"""Counts and recipients of a request, read from the ledger for a report."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import count, takewhile

from cli.report.file_lines import FileLines
from cli.report.summary import REACHED, NotReached, Summary
from core.ids import position
from core.money import show_cost
from ledger.models import Log, StoredRequest
from ledger.ports import Ledger
from ledger.queries import ListPosition, LogQuery, position_of_log
from ledger.request_counts import RequestCounts, count_request
from schemas.statuses import WITHOUT_LOG, Reason, Status

_NOT_REACHED = frozenset(status for status in Status if status.value not in REACHED) - WITHOUT_LOG
_BATCH = 1_000


def heading(request: StoredRequest, summary: Summary) -> list[str]:
    """Return the first lines of a report: the request, its state, and the requests that repeat some of it."""
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
    elif request.control_flags.paused:
        lines.append("paused, not yet completed")
    else:
        lines.append("not yet completed")
    resent = [f"resent as {request_id} (recipients: {number:,})" for request_id, number in summary.resent_as.items()]
    return [*lines, *resent, ""]


async def summarise(ledger: Ledger, request: StoredRequest) -> Summary:
    """Return the roll call of a request, without the list of recipients that were not reached."""
    completion = request.completion
    request_counts = await count_request(ledger, request)
    counts = Counter(
        {(status.value, reason and reason.value): n for (status, reason), n in request_counts.current.items()}
    )
    total = sum(part.size for part in request.parts.values())
    sums = {counts.total(), total}
    if completion:
        sums |= {completion.total, sum(completion.by_status.values())}
    return Summary(
        counts=counts,
        total=total,
        not_reached=(),
        not_reached_total=_count_not_reached(request_counts),
        accounted=completion is not None and not completion.incomplete and len(sums) == 1,
        part_sizes=part_sizes(request),
        notes=_notes(request, request_counts, counts, total),
        waiting_total=0 if completion else (await ledger.logs.find(_waiting_query(request, 1))).total,
        resent_as=await _resent_as(ledger, request),
        cost=show_cost(request_counts.cost),
    )


def part_sizes(request: StoredRequest) -> list[int]:
    """Return the sizes of the first parts, up to the first part that is not known."""
    parts = takewhile(lambda part: part is not None, map(request.parts.get, count()))
    return [part.size for part in parts if part]


async def _resent_as(ledger: Ledger, request: StoredRequest) -> dict[str, int]:
    """Return the requests that repeat deliveries of this one, oldest first, with the number of these deliveries."""
    numbers = await ledger.logs.count_resends(request.header.key)
    repeats = await ledger.requests.get_many(list(numbers))
    ordered = sorted(repeats.values(), key=lambda repeat: repeat.header.accepted_at)
    return {repeat.header.request_id: numbers[repeat.header.key] for repeat in ordered}


def _waiting_query(request: StoredRequest, page_size: int, after: ListPosition | None = None) -> LogQuery:
    header = request.header
    pending = frozenset({Status.PENDING})
    return LogQuery(
        header.tenant_id, key=header.key, statuses=pending, tried_only=True, page_size=page_size, after=after
    )


async def waiting_batches(ledger: Ledger, request: StoredRequest, *, limit: int | None) -> AsyncIterator[Sequence[Log]]:
    """Yield the deliveries that wait for their next try, in request order: the first `limit`, or all in batches."""
    if request.completion:
        return
    after = None
    while True:
        page = await ledger.logs.find(_waiting_query(request, limit or _BATCH, after))
        yield page.items
        if limit or not page.has_more:
            return
        after = position_of_log(page.items[-1])


def _notes(
    request: StoredRequest, request_counts: RequestCounts, counts: Counter[tuple[str, str | None]], total: int
) -> list[str]:
    """Return notes about open or inconsistent counts, and about receipts that arrived later."""
    notes = []
    if received := _by_receipt(request_counts):
        notes.append(f"by receipt since then: {received}")
    waiting = sum(n for (status, _), n in counts.items() if status in {status.value for status in WITHOUT_LOG})
    if waiting:
        notes.append(f"{waiting:,} of {total:,} are still to be attempted")
    if request.completion and request.completion.incomplete:
        notes.append("incomplete: a part of the request never arrived")
    elif not request.all_parts_expanded:
        notes.append("not all parts of the request are expanded yet")
    if counts.total() != total:
        notes.append(f"the counts of the chunks add up to {counts.total():,}, but the known parts have {total:,}")
    return notes


async def not_reached_batches(
    ledger: Ledger, request: StoredRequest, *, limit: int | None, lines: FileLines | None = None
) -> AsyncIterator[list[NotReached]]:
    """Yield the recipients that were not reached, in request order: the first `limit`, or all in batches of 1,000.

    `lines` finds the lines of those without a reference.
    """
    async for batch in _not_reached_batches(ledger, request, limit):
        yield batch if lines is None else lines.add_to(batch)


async def _not_reached_batches(
    ledger: Ledger, request: StoredRequest, limit: int | None
) -> AsyncIterator[list[NotReached]]:
    if limit is not None:
        yield [_not_reached(log) for log in await _first_not_reached(ledger, request, limit)]
        return
    batch: list[NotReached] = []
    async for log in ledger.logs.iterate_request(request.header.key):
        if log.status in _NOT_REACHED:
            batch.append(_not_reached(log))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _by_receipt(counts: RequestCounts) -> str:
    """Return the numbers of deliveries that receipts report as delivered and as failed."""
    numbers = {
        "delivered": counts.current[Status.DELIVERED, None],
        "failed": counts.current[Status.FAILED, Reason.UNDELIVERED],
    }
    return ", ".join(f"{number:,} {status}" for status, number in numbers.items() if number)


def _count_not_reached(counts: RequestCounts) -> int:
    """Return the number of deliveries that were not reached, after receipts."""
    return sum(number for (status, _), number in counts.current.items() if status in _NOT_REACHED)


async def _first_not_reached(ledger: Ledger, request: StoredRequest, limit: int) -> Sequence[Log]:
    """Return the first deliveries that were not reached. Only chunks that have some are read, and moved logs."""
    key = request.header.key
    ranges = await ledger.chunks.find_outcomes(key, _NOT_REACHED)
    found = await ledger.logs.find_first(ranges, _NOT_REACHED, limit)
    failed_later = await ledger.logs.find_moved(key, _NOT_REACHED, limit)
    by_id = {log.id: log for log in (*found, *failed_later)}
    return [by_id[log_id] for log_id in sorted(by_id)[:limit]]


def _not_reached(log: Log) -> NotReached:
    _, part, index = position(log.id) or (None, 0, 0)
    return NotReached(
        part,
        index,
        log.recipient,
        log.reference,
        log.status.value,
        log.reason and log.reason.value,
        log.error,
        log.id,
        resent_as=log.resent_as,
        encoding=log.encoding and log.encoding.value,
        segments=log.segments,
    )
