"""Ledger that writes chunks into the documents of small requests, so that the tests of chunks run there as well."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from core.chunk_work import Counts
from core.ids import ChunkId, RequestKey
from core.money import NO_COST, Cost
from ledger.chunk_port import Chunks, DueKind
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.models import Chunk, ControlFlags, Part
from ledger.ports import Ledger
from schemas.statuses import Channel, Lane
from tests.support.builders import a_head

OTHER_LANE = {Lane.BULK: Lane.EXPRESS, Lane.EXPRESS: Lane.BULK}
"""A small request is always express, and most tests use the bulk lane. So the two lanes change places here."""


class _Forwarding:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class SmallRequestChunks(_Forwarding):
    """Chunks of small requests. A chunk that cannot be the only one of a request is a document of its own."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.chunks)
        self._ledger = ledger

    async def insert(self, chunk: Chunk) -> bool:
        moved = replace(chunk, lane=OTHER_LANE[chunk.lane])
        alone = (chunk.part, chunk.first, chunk.due_at, chunk.control_flags) == (0, 0, None, ControlFlags())
        if alone and moved.lane is Lane.EXPRESS and not chunk.searchable and chunk.resend_of is None:
            small = replace(moved, in_request=True)
            part = Part(0, chunk.size, chunk.size, b"body", last=True)
            header = replace(a_head(channel=chunk.channel, expires_at=chunk.expires_at), key=chunk.key)
            if await self._ledger.requests.insert_small(header, part, small):
                return True
            if await self._inner.get(chunk.id):
                return False
        return cast("bool", await self._inner.insert(moved))

    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        return _moved_back(await self._inner.claim(chunk_id, claim))

    async def find_due(self) -> Collection[DueKind]:
        return [(OTHER_LANE[lane], *kind) for lane, *kind in await self._inner.find_due()]

    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        due = await self._inner.claim_due(OTHER_LANE[lane], channel, claim, never_claimed=never_claimed)
        return _moved_back(due)

    async def close(self, token: ClaimToken, counts: Counts, cost: Cost = NO_COST) -> bool:
        if not token.in_request:
            return cast("bool", await self._inner.close(token, counts, cost))
        return await self._ledger.requests.close_small(token, counts, self._ledger.now(), cost) is not None

    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        if not part:
            await self._ledger.requests.cancel(key)
        await self._inner.mark_cancelled(key, part)

    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
        requests = self._ledger.requests
        while not part and (request := await requests.get(key)) and request.pauses < pauses and not request.cancelled:
            await (requests.resume if request.pauses % 2 else requests.pause)(key)
        await self._inner.set_pause_count(key, pauses, part)

    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        chunk = await self._inner.get(chunk_id)
        return replace(chunk, lane=OTHER_LANE[chunk.lane], in_request=False) if chunk else None

    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        return {OTHER_LANE[lane]: number for lane, number in (await self._inner.count_open_by_lane()).items()}


class LedgerOfSmallRequests(_Forwarding):
    """Ledger with these chunks."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.chunks: Chunks = cast("Chunks", SmallRequestChunks(ledger))

    if TYPE_CHECKING:  # the rest is forwarded
        requests: Any
        logs: Any
        retention: Any
        templates: Any
        keys: Any
        now: Any
        setup: Any
        check: Any
        ping: Any
        aclose: Any


def _moved_back(claimed: ClaimResult | None) -> ClaimResult | None:
    if claimed is None:
        return None
    chunk = replace(claimed.chunk, lane=OTHER_LANE[claimed.chunk.lane], in_request=False)
    return replace(claimed, chunk=chunk)
