"""Deliver: claim a chunk, render, call the provider, log the outcomes, publish, close (docs/protocol.md)."""

from dataclasses import replace
from datetime import datetime, timedelta

from consumer.context import ConsumerContext
from consumer.deliver.chunk_worker import ChunkWorker
from consumer.deliver.claim import LeasedChunk
from consumer.deliver.lease import LeaseLost
from consumer.logger import logger
from consumer.request_cache import OpenedRequest
from consumer.request_lifecycle import complete_after_close
from core.chunk_work import Counts, due_before_expiry
from core.ids import RequestKey
from ledger.claims import ClaimResult
from ledger.errors import SealingError
from ledger.message_template import open_template
from ledger.models import StoredRequest
from ledger.sealing import open_recipients
from schemas.statuses import Lane

MISSING_KEY_DELAY = timedelta(seconds=30)
"""How long a chunk that could not be opened is left alone at least; an old one for a tenth of its age."""
MAX_MISSING_KEY_DELAY = timedelta(minutes=10)


async def deliver(leased: LeasedChunk, context: ConsumerContext) -> None:
    """Work on a claimed chunk until nothing can be done now: closed, put back for a retry, or lost to another owner."""
    try:
        async with leased.lease.keep_alive(context.ledger.chunks):
            counts = await _work(leased, context)
    except LeaseLost:
        context.metrics.lost_leases.inc()
        logger.warning("lease lost", chunk=leased.claimed.chunk.id)
        return
    except SealingError as error:
        logger.error("chunk cannot be opened", chunk=leased.claimed.chunk.id, because=str(error))
        return
    if counts is not None:
        await complete_after_close(leased.claimed.chunk, counts, context)


async def _work(leased: LeasedChunk, context: ConsumerContext) -> Counts | None:
    """Work on it; its counts if it is closed."""
    worker = await open_chunk(leased, context)
    try:
        if leased.found_by_sweeper:
            await worker.refresh_control_flags()
        await worker.resume_previous_claim()
        while worker.has_work:
            await worker.send()
            await worker.write_logs()
            worker.start_publishing()
            if worker.is_fully_logged and await worker.wait_briefly_for_acks():  # closing it writes what is done
                break
            if leased.is_first_claim:
                await context.lane_priority.yield_to_express(leased.claimed.chunk.lane)
            await worker.advance()
            await worker.recover_window()
        await worker.wait_for_acks()
        return await worker.close_or_release()
    finally:
        worker.cancel_publishing()


async def open_chunk(leased: LeasedChunk, context: ConsumerContext) -> ChunkWorker:
    """Open the sealed recipients of a claimed chunk. Without the key, fail or release it."""
    claimed = leased.claimed
    if claimed.taken_over:
        context.metrics.takeovers.inc()
        logger.info("take-over", chunk=claimed.chunk.id, fence=claimed.token.fence)
    try:
        opened = await load_request(claimed.chunk.key, context)
        recipients = open_recipients(context.sealer, claimed.chunk.id, claimed.chunk.sealed)
    except SealingError as error:
        return await open_without_key(leased, str(error), context)
    except Exception:
        await release_unopened(claimed, context.ledger.now() + MISSING_KEY_DELAY, context)
        raise
    send_at = opened.header.send_at
    if send_at and leased.is_first_claim and claimed.chunk.lane is Lane.EXPRESS:
        late_seconds = (context.ledger.now() - send_at).total_seconds()
        context.lane_priority.express_started(
            late_seconds, context.provider_caller.express_call_seconds[claimed.chunk.channel]
        )
    return ChunkWorker(claimed, opened, recipients, leased.lease, context)


async def open_without_key(leased: LeasedChunk, lacking: str, context: ConsumerContext) -> ChunkWorker:
    """A chunk that can be ended without its text and addresses: nothing is left to send, or it is stopped or too old.

    Any other is put back, and the error raised again: the key may be given to this process, or to another.
    """
    chunk = leased.claimed.chunk
    context.metrics.unopened.inc()
    context.readiness.sealing_key_missing(lacking)
    header = (await read_request(chunk.key, context)).header
    worker = ChunkWorker(leased.claimed, OpenedRequest(header, None), [], leased.lease, context)
    age = context.ledger.now() - max(header.accepted_at, header.send_at or header.accepted_at)
    if age > context.tuning.retry.max_age:
        worker.fail_unsent(lacking)
    if worker.may_send:
        due_at = context.ledger.now() + min(max(MISSING_KEY_DELAY, age / 10), MAX_MISSING_KEY_DELAY)
        await release_unopened(leased.claimed, due_before_expiry(due_at, header.expires_at), context)
        raise SealingError(lacking)
    return worker


async def release_unopened(claimed: ClaimResult, due_at: datetime | None, context: ConsumerContext) -> None:
    """Leave a chunk to a process that can open it, one that has the key for instance; nothing of it was sent.

    The window that the claim recorded is taken back, or it would end as unknown. One that was open before stays open.
    """
    if claimed.taken_over:
        return
    work = replace(claimed.chunk.work, next=claimed.window.batch if claimed.window else None)
    await context.retry_until_available("put back", context.ledger.chunks.release, claimed.token, work, due_at)


async def load_request(key: RequestKey, context: ConsumerContext) -> OpenedRequest:
    """The request of a chunk, from memory where it was used before."""
    if known := context.request_cache.get(key):
        return known
    header = (await read_request(key, context)).header
    return context.request_cache.put(OpenedRequest(header, open_template(context.sealer, header)))


async def read_request(key: RequestKey, context: ConsumerContext) -> StoredRequest:
    """Read the request of a chunk."""
    request = await context.retry_until_available("read the request", context.ledger.requests.get, key)
    if request is None:
        raise AssertionError("a chunk is written only after its request")
    return request
