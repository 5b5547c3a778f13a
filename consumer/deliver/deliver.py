"""Delivery of one claimed chunk: send, log, publish, close (docs/protocol.md)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from consumer.context import ConsumerContext
from consumer.deliver.chunk_worker import ChunkWorker
from consumer.deliver.claim_chunks import LeasedChunk
from consumer.deliver.delivery_factory import DeliveryFactory
from consumer.deliver.lease import LeaseLost
from consumer.logger import logger
from consumer.provider_choice import load_tenant_of
from consumer.request_cache import OpenedRequest
from consumer.request_lifecycle import ClosedChunk, complete_after_close
from consumer.tenants.unsubscribe_links import find_links
from core.chunk_work import due_before_expiry
from core.ids import RequestKey
from ledger.chunk_recipients import open_chunk_recipients
from ledger.claims import ClaimResult
from ledger.errors import SealingError
from ledger.models import StoredRequest
from ledger.sealed_text import open_template

MISSING_KEY_DELAY = timedelta(seconds=30)
"""Minimum time until a chunk that cannot be opened is due again. Later it waits for a tenth of its time without key."""
MAX_MISSING_KEY_DELAY = timedelta(minutes=10)
"""Maximum time until a chunk that cannot be opened is due again."""
_SIZE_FACTOR = 2
"""Number of copies of a chunk's data that are in memory: as it is stored, and opened."""
_DELIVERY_BYTES = 1_200
"""Size of a delivery without its address and variables in bytes: its id, its result, its log, and its event twice.

The event waits as it is and in a batch while Kafka does not take it."""


async def deliver(leased: LeasedChunk, context: ConsumerContext) -> None:
    """Work on a claimed chunk until it is closed, put back for a retry, or lost to another owner."""
    chunk = leased.claimed.chunk
    try:
        with context.lane_priority.working(chunk.lane):
            async with leased.lease.keep_alive(context.ledger.chunks):
                closed = await _work_with_room(leased, context)
    except LeaseLost:
        context.metrics.lost_leases.inc()
        logger.warning("lease lost", chunk=chunk.id)
        return
    except SealingError as error:
        logger.error("chunk not opened", chunk=chunk.id, reason=str(error))
        return
    if closed is not None:
        await complete_after_close(closed, context)


async def _work_with_room(leased: LeasedChunk, context: ConsumerContext) -> ClosedChunk | None:
    """Wait until there is room for the chunk, and work on it. Put it back if the process stops before that."""
    chunk = leased.claimed.chunk
    tenant, size = await _measure(leased, context)
    if context.chunk_room.has_waiters:
        leased.drop_data()
    if not await context.chunk_room.take(chunk.lane, tenant, size):
        await release_unopened(leased.claimed, context.ledger.now(), context)
        return None
    try:
        await context.retry_until_available("read of a large chunk", leased.load, context.ledger.chunks)
        return await _work(leased, context)
    finally:
        context.chunk_room.give_back(chunk.lane, tenant, size)


async def _measure(leased: LeasedChunk, context: ConsumerContext) -> tuple[str, int]:
    """Return the tenant of a chunk, and its size in memory with its request. Without the key it needs little room."""
    chunk = leased.claimed.chunk
    size = _SIZE_FACTOR * leased.data_bytes + _DELIVERY_BYTES * chunk.size
    try:
        opened = await load_request(chunk.key, context)
    except SealingError:
        return chunk.key, size
    return opened.header.tenant_id, size + opened.size


async def _work(leased: LeasedChunk, context: ConsumerContext) -> ClosedChunk | None:
    """Work on the chunk. Return what its end says about the request if it was closed."""
    worker = await open_chunk(leased, context)
    try:
        if leased.may_lack_accepted:
            worker.publish_accepted()
        if leased.found_by_sweeper:
            await worker.refresh_control_flags()
        await worker.resume_previous_claim()
        while worker.has_work:
            with context.lane_priority.sending(leased.claimed.chunk.lane):
                await worker.send()
            await worker.write_logs()
            worker.start_publishing()
            if worker.is_fully_logged and await worker.wait_briefly_for_acks():
                break  # The close writes what is done.
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
        await context.turn_budget.wait(leased.data_bytes)
        recipients = open_chunk_recipients(context.sealer, claimed.chunk)
        links = await find_links(opened, context)
    except SealingError as error:
        return await open_without_key(leased, str(error), context)
    except Exception:
        await release_unopened(claimed, context.ledger.now() + MISSING_KEY_DELAY, context)
        raise
    await load_tenant_of(opened.header, context)
    factory = DeliveryFactory(claimed.chunk, opened, recipients, context, links)
    return ChunkWorker(claimed, opened, factory, leased.lease, context)


async def open_without_key(leased: LeasedChunk, detail: str, context: ConsumerContext) -> ChunkWorker:
    """Return a worker for a chunk that can end without its text and addresses.

    That is the case if nothing is left to send, or if the chunk is stopped or too old. Any other chunk is put back,
    and the error is raised again. An operator may give the key to this process or to another one.
    """
    chunk = leased.claimed.chunk
    context.metrics.unopened.inc()
    context.readiness.warn("sealing_keys", detail)
    header = (await read_request(chunk.key, context)).header
    await context.load_tenant(header.tenant_id)
    opened = OpenedRequest(header, None)
    factory = DeliveryFactory(chunk, opened, [], context)
    worker = ChunkWorker(leased.claimed, opened, factory, leased.lease, context)
    waited = chunk.work.without_key
    if waited >= context.tuning.retry.max_age:
        worker.fail_unsent(detail)
    if worker.may_send:
        delay = min(max(MISSING_KEY_DELAY, waited / 10), MAX_MISSING_KEY_DELAY)
        await put_back_without_key(leased.claimed, delay, header.expires_at, context)
        raise SealingError(detail)
    return worker


async def put_back_without_key(
    claimed: ClaimResult, delay: timedelta, expires_at: datetime | None, context: ConsumerContext
) -> None:
    """Put the chunk back, and add the time until its next claim to the time without a key.

    The window of a previous owner stays open. The chunk can then be claimed again when the lease ends.
    """
    chunks, work = context.ledger.chunks, claimed.chunk.work
    if claimed.taken_over:
        lease = timedelta(seconds=claimed.token.lease_seconds)
        left = replace(work, without_key=work.without_key + lease)
        await context.retry_until_available(
            "note of a missing key", chunks.advance, claimed.token, left, claimed.window
        )
        return
    aged = replace(claimed, chunk=replace(claimed.chunk, work=replace(work, without_key=work.without_key + delay)))
    await release_unopened(aged, due_before_expiry(context.ledger.now() + delay, expires_at), context)


async def release_unopened(claimed: ClaimResult, due_at: datetime | None, context: ConsumerContext) -> None:
    """Put back a chunk of which nothing was sent, for a process that can open it, such as one that has the key.

    The window that the claim recorded is taken back, because it would end as unknown. The window of a previous owner
    stays open.
    """
    if claimed.taken_over:
        return
    work = replace(claimed.chunk.work, next=claimed.window.as_batch if claimed.window else None)
    await context.retry_until_available(
        "release of an unopened chunk", context.ledger.chunks.release, claimed.token, work, due_at
    )


async def load_request(key: RequestKey, context: ConsumerContext) -> OpenedRequest:
    """Return the request of a chunk. The cache holds the requests that were used last."""
    if cached := context.request_cache.get(key):
        return cached
    async with context.request_cache.loading:
        if cached := context.request_cache.get(key):  # it was loaded for another chunk meanwhile
            return cached
        header = (await read_request(key, context)).header
        open_text = partial(open_template, context.sealer, header, has_links=context.tuning.has_links)
        template = await context.turn_budget.run(open_text, len(header.sealed_text))
        return context.request_cache.put(OpenedRequest(header, template))


async def read_request(key: RequestKey, context: ConsumerContext) -> StoredRequest:
    """Read the request of a chunk from the ledger."""
    request = await context.retry_until_available("read of a request", context.ledger.requests.get, key)
    if request is None:
        raise AssertionError("a chunk is written only after its request")
    return request
