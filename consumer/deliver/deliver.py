"""Deliver: claim a chunk, render, call the provider, log the outcomes, publish, close (docs/protocol.md)."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from consumer.context import Tools, log
from consumer.deliver.chunk_worker import ChunkInHand
from consumer.deliver.lease import Lease, LeaseLost
from consumer.flow_control.slots import Kind
from consumer.request_cache import Opened
from consumer.request_lifecycle import complete_after
from core.chunk_work import Counts, earlier
from core.ids import ChunkId, RequestKey
from ledger.errors import SealingError
from ledger.message_template import open_text
from ledger.models import Claim, Claimed, Request
from ledger.sealing import open_recipients
from schemas.statuses import Channel, Lane

Take = Callable[[Claim], Awaitable[Claimed | None]]

AFTER_OUTAGE_SECONDS = 4.0
"""How long nothing is taken over after MongoDB was away, a third of a lease at most: a worker that waited for it asks
again within 3 s, and writes what it knows first."""
UNOPENED = timedelta(seconds=30)
"""How long a chunk that could not be opened is left alone at least; an old one for a tenth of its age."""
UNOPENED_MOST = timedelta(minutes=10)


_numbers = itertools.count(1)
"""Of all claims of this process, whichever claimer makes them: a name used twice would hide a take-over."""


class Claimer:
    """Claims chunks for this process, each claim under a name of its own."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._names = {channel: tuple(p.name for p in tools.providers.for_channel(channel)) for channel in Channel}

    async def chunk(self, chunk_id: ChunkId) -> "Taken | None":
        """Claim the chunk that a wake-up call names."""
        return await self._take(lambda claim: self._tools.ledger.chunks.claim(chunk_id, claim), uncalled=False)

    async def due(self, kind: Kind, *, fresh: bool = False) -> "Taken | None":
        """Claim what waits longest of a channel in a lane; with `fresh`, what a wake-up call should have brought."""
        due = self._tools.ledger.chunks.claim_due
        return await self._take(lambda claim: due(*kind, claim, fresh=fresh), uncalled=True, again=self._after_outage)

    async def _after_outage(self) -> None:
        """Wait until MongoDB answers, and then until who waited for it as well has written what it knows."""
        tools = self._tools
        await tools.ledger.ping()
        await tools.sleep(min(AFTER_OUTAGE_SECONDS, tools.limits.lease_seconds / 3))

    async def _take(
        self, take: Take, *, uncalled: bool, again: Callable[[], Awaitable[None]] | None = None
    ) -> "Taken | None":
        """Claim; `again` is done before each further try."""
        tools = self._tools
        claim = Claim(f"{tools.process}.{next(_numbers)}", tools.limits.lease_seconds, self._names)

        tries = itertools.count()

        async def ask() -> Taken | None:
            if next(tries) and again:
                await again()
            asked_at = tools.monotonic()  # of this try: each one that is accepted starts the lease anew
            claimed = await take(claim)
            if claimed is None:
                return None
            return Taken(claimed, Lease(claimed.hold, asked_at, tools.monotonic, tools.sleep), uncalled=uncalled)

        return await tools.lasting(ask, "claim")


class Taken:
    """A claimed chunk and its lease, not opened yet."""

    def __init__(self, claimed: Claimed, lease: Lease, *, uncalled: bool) -> None:
        self.claimed, self.lease = claimed, lease
        self.uncalled = uncalled
        """True if the sweeper found this chunk. The consumer that wrote it may have crashed before it applied a cancel
        or pause, so the control flags must be read again."""

    @property
    def first(self) -> bool:
        """Whether nobody had it before; what was, waits for a retry perhaps, which is as urgent as a small request."""
        return self.claimed.hold.fence == 1


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
        log.info("take-over", chunk=claimed.chunk.id, fence=claimed.hold.fence)
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
    head = (await _stored(chunk.key, tools)).head
    hand = ChunkInHand(taken.claimed, Opened(head, None), [], taken.lease, tools)
    age = tools.ledger.now() - max(head.accepted_at, head.send_at or head.accepted_at)
    if age > tools.limits.retry.max_age:
        hand.give_up(lacking)
    if hand.sends:
        due_at = tools.ledger.now() + min(max(UNOPENED, age / 10), UNOPENED_MOST)
        await _put_back_unopened(taken.claimed, earlier(due_at, head.expires_at), tools)
        raise SealingError(lacking)
    return hand


async def _put_back_unopened(claimed: Claimed, due_at: datetime | None, tools: Tools) -> None:
    """Leave a chunk to a process that can open it, one that has the key for instance; nothing of it was sent.

    The window that the claim recorded is taken back, or it would end as unknown. One that was open before stays open.
    """
    if claimed.taken_over:
        return
    work = replace(claimed.chunk.work, next=claimed.window.batch if claimed.window else None)
    await tools.lasting(lambda: tools.ledger.chunks.release(claimed.hold, work, due_at), "put back")


async def request_of(key: RequestKey, tools: Tools) -> Opened:
    """The request of a chunk, from memory where it was used before."""
    if known := tools.requests.get(key):
        return known
    head = (await _stored(key, tools)).head
    return tools.requests.put(Opened(head, open_text(tools.sealer, head)))


async def _stored(key: RequestKey, tools: Tools) -> Request:
    request = await tools.lasting(lambda: tools.ledger.requests.get(key), "read the request")
    if request is None:
        raise AssertionError("a chunk is written only after its request")
    return request
