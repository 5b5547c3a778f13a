"""Deliver: claim a chunk, render, call the provider, log the outcomes, publish, close (docs/protocol.md)."""

from dataclasses import replace
from datetime import datetime, timedelta

from consumer.context import ConsumerContext
from consumer.deliver.chunk_worker import ChunkInHand
from consumer.deliver.claim import Taken
from consumer.deliver.lease import LeaseLost
from consumer.logger import logger
from consumer.request_cache import OpenedRequest
from consumer.request_lifecycle import complete_after_close
from core.chunk_work import Counts, due_before_expiry
from core.ids import RequestKey
from ledger.errors import SealingError
from ledger.message_template import open_template
from ledger.models import ClaimResult, StoredRequest
from ledger.sealing import open_recipients
from schemas.statuses import Lane

UNOPENED = timedelta(seconds=30)
"""How long a chunk that could not be opened is left alone at least; an old one for a tenth of its age."""
UNOPENED_MOST = timedelta(minutes=10)


async def deliver(taken: Taken, context: ConsumerContext) -> None:
    """Work on a claimed chunk until nothing can be done now: closed, put back for a retry, or lost to another owner."""
    try:
        async with taken.lease.kept(context.ledger.chunks):
            counts = await _work(taken, context)
    except LeaseLost:
        context.metrics.lost_leases.inc()
        logger.warning("lease lost", chunk=taken.claimed.chunk.id)
        return
    except SealingError as error:
        logger.error("chunk cannot be opened", chunk=taken.claimed.chunk.id, because=str(error))
        return
    if counts is not None:
        await complete_after_close(taken.claimed.chunk, counts, context)


async def _work(taken: Taken, context: ConsumerContext) -> Counts | None:
    """Work on it; its counts if it is closed."""
    hand = await _open(taken, context)
    try:
        if taken.uncalled:
            await hand.ask_for_marks()
        await hand.take_up()
        while hand.busy:
            await hand.send()
            await hand.log()
            hand.publish()
            if hand.done and await hand.acknowledged_soon():  # closing it writes what is done
                break
            if taken.first:
                await context.lane_priority.yield_to_express(taken.claimed.chunk.lane)
            await hand.advance()
            await hand.look_back()
        await hand.acknowledged()
        return await hand.leave()
    finally:
        hand.drop()


async def _open(taken: Taken, context: ConsumerContext) -> ChunkInHand:
    claimed = taken.claimed
    if claimed.taken_over:
        context.metrics.takeovers.inc()
        logger.info("take-over", chunk=claimed.chunk.id, fence=claimed.token.fence)
    try:
        opened = await request_of(claimed.chunk.key, context)
        recipients = open_recipients(context.sealer, claimed.chunk.id, claimed.chunk.sealed)
    except SealingError as error:
        return await _open_without_key(taken, str(error), context)
    except Exception:
        await _put_back_unopened(claimed, context.ledger.now() + UNOPENED, context)
        raise
    send_at = opened.header.send_at
    if send_at and taken.first and claimed.chunk.lane is Lane.EXPRESS:
        late_seconds = (context.ledger.now() - send_at).total_seconds()
        context.lane_priority.express_started(
            late_seconds, context.provider_caller.express_call_seconds[claimed.chunk.channel]
        )
    return ChunkInHand(claimed, opened, recipients, taken.lease, context)


async def _open_without_key(taken: Taken, lacking: str, context: ConsumerContext) -> ChunkInHand:
    """A chunk that can be ended without its text and addresses: nothing is left to send, or it is stopped or too old.

    Any other is put back, and the error raised again: the key may be given to this process, or to another.
    """
    chunk = taken.claimed.chunk
    context.metrics.unopened.inc()
    context.readiness.sealing_key_missing(lacking)
    header = (await _stored(chunk.key, context)).header
    hand = ChunkInHand(taken.claimed, OpenedRequest(header, None), [], taken.lease, context)
    age = context.ledger.now() - max(header.accepted_at, header.send_at or header.accepted_at)
    if age > context.tuning.retry.max_age:
        hand.give_up(lacking)
    if hand.sends:
        due_at = context.ledger.now() + min(max(UNOPENED, age / 10), UNOPENED_MOST)
        await _put_back_unopened(taken.claimed, due_before_expiry(due_at, header.expires_at), context)
        raise SealingError(lacking)
    return hand


async def _put_back_unopened(claimed: ClaimResult, due_at: datetime | None, context: ConsumerContext) -> None:
    """Leave a chunk to a process that can open it, one that has the key for instance; nothing of it was sent.

    The window that the claim recorded is taken back, or it would end as unknown. One that was open before stays open.
    """
    if claimed.taken_over:
        return
    work = replace(claimed.chunk.work, next=claimed.window.batch if claimed.window else None)
    await context.retry_until_available("put back", context.ledger.chunks.release, claimed.token, work, due_at)


async def request_of(key: RequestKey, context: ConsumerContext) -> OpenedRequest:
    """The request of a chunk, from memory where it was used before."""
    if known := context.request_cache.get(key):
        return known
    header = (await _stored(key, context)).header
    return context.request_cache.put(OpenedRequest(header, open_template(context.sealer, header)))


async def _stored(key: RequestKey, context: ConsumerContext) -> StoredRequest:
    request = await context.retry_until_available("read the request", context.ledger.requests.get, key)
    if request is None:
        raise AssertionError("a chunk is written only after its request")
    return request
