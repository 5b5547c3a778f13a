"""Deliver: claim a chunk, render, call the provider, log the outcomes, publish, close (docs/protocol.md)."""

from dataclasses import replace
from datetime import datetime, timedelta

from consumer.context import Tools
from consumer.deliver.chunk_worker import ChunkInHand
from consumer.deliver.claim import Taken
from consumer.deliver.lease import LeaseLost
from consumer.logger import log
from consumer.request_cache import Opened
from consumer.request_lifecycle import complete_after
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


async def deliver(taken: Taken, tools: Tools) -> None:
    """Work on a claimed chunk until nothing can be done now: closed, put back for a retry, or lost to another owner."""
    try:
        async with taken.lease.kept(tools.ledger.chunks):
            counts = await _work(taken, tools)
    except LeaseLost:
        tools.metrics.lost_leases.inc()
        log.warning("lease lost", chunk=taken.claimed.chunk.id)
        return
    except SealingError as error:
        log.error("chunk cannot be opened", chunk=taken.claimed.chunk.id, because=str(error))
        return
    if counts is not None:
        await complete_after(taken.claimed.chunk, counts, tools)


async def _work(taken: Taken, tools: Tools) -> Counts | None:
    """Work on it; its counts if it is closed."""
    hand = await _open(taken, tools)
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
                await tools.precedence.give_way(taken.claimed.chunk.lane)
            await hand.advance()
            await hand.look_back()
        await hand.acknowledged()
        return await hand.leave()
    finally:
        hand.drop()


async def _open(taken: Taken, tools: Tools) -> ChunkInHand:
    claimed = taken.claimed
    if claimed.taken_over:
        tools.metrics.takeovers.inc()
        log.info("take-over", chunk=claimed.chunk.id, fence=claimed.token.fence)
    try:
        opened = await request_of(claimed.chunk.key, tools)
        recipients = open_recipients(tools.sealer, claimed.chunk.id, claimed.chunk.sealed)
    except SealingError as error:
        return await _open_without_key(taken, str(error), tools)
    except Exception:
        await _put_back_unopened(claimed, tools.ledger.now() + UNOPENED, tools)
        raise
    send_at = opened.head.send_at
    if send_at and taken.first and claimed.chunk.lane is Lane.EXPRESS:
        late_seconds = (tools.ledger.now() - send_at).total_seconds()
        tools.precedence.began(late_seconds, tools.caller.small_call_seconds[claimed.chunk.channel])
    return ChunkInHand(claimed, opened, recipients, taken.lease, tools)


async def _open_without_key(taken: Taken, lacking: str, tools: Tools) -> ChunkInHand:
    """A chunk that can be ended without its text and addresses: nothing is left to send, or it is stopped or too old.

    Any other is put back, and the error raised again: the key may be given to this process, or to another.
    """
    chunk = taken.claimed.chunk
    tools.metrics.unopened.inc()
    tools.progress.lacks(lacking)
    head = (await _stored(chunk.key, tools)).header
    hand = ChunkInHand(taken.claimed, Opened(head, None), [], taken.lease, tools)
    age = tools.ledger.now() - max(head.accepted_at, head.send_at or head.accepted_at)
    if age > tools.limits.retry.max_age:
        hand.give_up(lacking)
    if hand.sends:
        due_at = tools.ledger.now() + min(max(UNOPENED, age / 10), UNOPENED_MOST)
        await _put_back_unopened(taken.claimed, due_before_expiry(due_at, head.expires_at), tools)
        raise SealingError(lacking)
    return hand


async def _put_back_unopened(claimed: ClaimResult, due_at: datetime | None, tools: Tools) -> None:
    """Leave a chunk to a process that can open it, one that has the key for instance; nothing of it was sent.

    The window that the claim recorded is taken back, or it would end as unknown. One that was open before stays open.
    """
    if claimed.taken_over:
        return
    work = replace(claimed.chunk.work, next=claimed.window.batch if claimed.window else None)
    await tools.lasting(lambda: tools.ledger.chunks.release(claimed.token, work, due_at), "put back")


async def request_of(key: RequestKey, tools: Tools) -> Opened:
    """The request of a chunk, from memory where it was used before."""
    if known := tools.requests.get(key):
        return known
    head = (await _stored(key, tools)).header
    return tools.requests.put(Opened(head, open_template(tools.sealer, head)))


async def _stored(key: RequestKey, tools: Tools) -> StoredRequest:
    request = await tools.lasting(lambda: tools.ledger.requests.get(key), "read the request")
    if request is None:
        raise AssertionError("a chunk is written only after its request")
    return request
