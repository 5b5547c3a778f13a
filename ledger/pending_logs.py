"""Logs of pending deliveries, built from their open chunk. Both ledgers use it."""

from collections.abc import Iterator
from datetime import datetime

from core.chunk_work import NEVER_TRIED, Batch, WaitingDelivery, Window, waiting_deliveries
from core.ids import log_id
from core.index_ranges import indices
from ledger.models import Chunk, Log, RequestHeader
from ledger.queries import LogQuery
from ledger.sealing import HASH_BYTES
from schemas.statuses import Status


def pending_of_chunk(  # noqa: PLR0913  # the deliveries of a chunk depend on all of them
    chunk: Chunk,
    window: Window | None,
    header: RequestHeader,
    query: LogQuery,
    *,
    untouched: bool,
    now: datetime,
) -> list[Log]:
    """Return the deliveries of an open chunk that match a query, in order. Some of them may have a log by now.

    `untouched` is true if the chunk was never claimed. A due time in the future is then the `send_at` of the request.
    """
    scheduled = untouched and chunk.due_at is not None and chunk.due_at > now
    status = Status.SCHEDULED if scheduled else Status.PENDING
    if query.statuses and status not in query.statuses:
        return []
    deliveries = sorted(_deliveries(chunk, window), key=lambda delivery: delivery.index)
    logs = [_pending_log(chunk, header, status, delivery) for delivery in deliveries]
    return [log for log in logs if _matches(log, query)]


def _deliveries(chunk: Chunk, window: Window | None) -> Iterator[WaitingDelivery]:
    yield from waiting_deliveries(chunk.work)
    if chunk.work.next:
        yield from _batch_deliveries(chunk.work.next, chunk.due_at or NEVER_TRIED)
    if window:
        yield from _batch_deliveries(window.batch, NEVER_TRIED)
    for decided in chunk.work.decided:
        yield WaitingDelivery(decided.index, decided.attempts, NEVER_TRIED)


def _batch_deliveries(batch: Batch, not_before: datetime) -> Iterator[WaitingDelivery]:
    for index in indices(batch.ranges):
        yield WaitingDelivery(index, batch.attempts, not_before, history=batch.histories.get(index))


def _next_attempt_at(chunk: Chunk, delivery: WaitingDelivery) -> datetime | None:
    """Return the earliest time of the next try, or None if it is being tried, is paused, or expires before."""
    not_before = delivery.not_before
    if delivery.history is None or not_before == NEVER_TRIED or chunk.control_flags.paused or chunk.cancelled:
        return None
    return None if chunk.expires_at and not_before >= chunk.expires_at else not_before


def _pending_log(chunk: Chunk, header: RequestHeader, status: Status, delivery: WaitingDelivery) -> Log:
    offset = delivery.index - chunk.first
    return Log(
        id=log_id(header.key, chunk.part, delivery.index),
        tenant_id=header.tenant_id,
        user_id=header.user_id,
        request_id=header.request_id,
        channel=header.channel,
        recipient=chunk.masked[offset],
        recipient_hash=chunk.hashes[offset * HASH_BYTES : (offset + 1) * HASH_BYTES],
        reference=chunk.references[offset] if chunk.references else None,
        status=status,
        outcome=status,
        reason=delivery.history.reason if delivery.history else None,
        provider=delivery.history.provider if delivery.history else None,
        provider_message_id=None,
        response=None,
        error=None,
        template_id=header.template_id,
        attempts=delivery.attempts,
        created_at=header.accepted_at,
        updated_at=header.accepted_at,
        sent_at=None,
        resend_of=chunk.resend_of[offset] if chunk.resend_of else None,
        next_attempt_at=_next_attempt_at(chunk, delivery),
    )


def _matches(log: Log, query: LogQuery) -> bool:
    if (query.reference is not None and log.reference != query.reference) or (query.tried_only and not log.reason):
        return False
    return not query.recipient_hashes or log.recipient_hash in query.recipient_hashes
