"""Deliveries without a log, read from their open chunks. ledger/pending_logs.py builds each of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

from core.ids import LogId, RequestKey, chunk_id, position
from ledger.models import Log, RequestHeader
from ledger.mongo.chunk_documents import read_chunk, read_window
from ledger.mongo.connection import Database, Document, ServerClock, translated_errors
from ledger.mongo.request_documents import read_request
from ledger.pending_logs import pending_of_chunk
from ledger.queries import ListPosition, LogQuery, position_of_log

ReadLogs = Callable[[Sequence[LogId]], Awaitable[dict[LogId, Log]]]

MAX_CHUNKS_READ = 100
"""So many requests and chunks are read to count further than the page needs, unless all is to be counted."""

BATCH = 50
"""So many requests are asked for their chunks at once."""
FEW = 60
"""How many chunks may be held at once; where a batch has more, each request is asked for itself."""

_LONGEST_CHUNK = 1_000
"""Recipients; see ledger/values.Chunk."""

_SHOWN = {"lookup": False, "sealed": False}


class Pending:
    """The pending deliveries of a tenant, newest requests first."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._requests, self._chunks, self._clock = database["requests"], database["chunks"], clock

    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None) -> Log | None:
        """The delivery of this log id while its chunk is open."""
        place = position(log_id)
        if place is None:
            return None
        key, part, index = place
        which = {"_id": key, "head.tenant_id": tenant_id}
        with translated_errors():
            request = await self._requests.find_one(which if user_id is None else {**which, "head.user_id": user_id})
            if request is None:
                return None
            ids = {"$gte": chunk_id(key, part, 0), "$lte": chunk_id(key, part, index)}
            chunk = await self._chunks.find_one({"_id": ids}, _SHOWN, sort=[("_id", -1)])
        if chunk is None or not chunk["open"]:
            return None
        query = LogQuery(tenant_id)
        return next((log for log in self._lines(chunk, read_request(request).header, query) if log.id == log_id), None)

    async def find(self, query: LogQuery, end: int, standing: ReadLogs) -> tuple[list[Log], int, bool]:
        """The first `end` pending deliveries of a query, how many were counted, and whether these are all."""
        first: list[Log] = []
        total, looked_at = 0, 0
        async with aclosing(self._all_lines(query)) as chunks:
            async for untouched, lines in chunks:
                # Whatever was in somebody's hands can have its log already, also where another put it back since.
                doubtful = [] if untouched else [line.id for line in lines]
                logged = await standing(doubtful) if doubtful else {}
                waiting = [line for line in lines if line.id not in logged]
                behind = [
                    line for line in waiting if not query.after or query.after.comes_before(position_of_log(line))
                ]
                first.extend(behind[: end - len(first)])
                total, looked_at = total + len(waiting), looked_at + 1
                if len(first) >= end and _counted(query.count_limit, total, looked_at):
                    return first, total, False
        return first, total, True

    async def _all_lines(self, query: LogQuery) -> AsyncGenerator[tuple[bool, list[Log]], None]:
        """(whether nobody claimed it, lines) of each chunk; of a request without one, nothing."""
        async for heads in _batches(self._heads(query)):
            few = await self._few_chunks(heads, query)
            for header in heads:
                empty = True
                async for document in self._open_chunks(header, query) if few is None else _each(few[header.key]):
                    empty = False
                    yield document["fence"] == 0, self._lines(document, header, query)
                if empty:
                    yield True, []

    async def _few_chunks(
        self, heads: Sequence[RequestHeader], query: LogQuery
    ) -> dict[RequestKey, list[Document]] | None:
        """The open chunks of some requests in one find; None where they are too many to be held at once."""
        which: Document = {"request": {"$in": [header.key for header in heads]}, "open": True}
        with translated_errors():
            ids = await self._chunks.find(which, {"_id": True}).hint("open_in_order").limit(FEW + 1).to_list(None)
            if len(ids) > FEW:
                return None
            which = {"_id": {"$in": [document["_id"] for document in ids]}, "open": True, **_referring(query)}
            found = await self._chunks.find(which, _SHOWN).sort("_id", 1).to_list(None)
        return {header.key: [one for one in found if one["request"] == header.key] for header in heads}

    def _lines(self, document: Document, header: RequestHeader, query: LogQuery) -> list[Log]:
        window, chunk = read_window(document["window"]), read_chunk(document)
        untouched = document["fence"] == 0
        return pending_of_chunk(chunk, window, header, query, untouched=untouched, now=self._clock.now())

    async def _heads(self, query: LogQuery) -> AsyncIterator[RequestHeader]:
        # Whoever lacks a completion was not announced either, and those have an index.
        which: Document = {"head.tenant_id": query.tenant_id, "completion": None, "announced": False}
        if query.key is not None:
            which["_id"] = query.key
        bounds = {"$gte": query.accepted_from, "$lt": query.accepted_before, "$lte": _behind(query)}
        if any(bounds.values()):
            which["head.accepted_at"] = {name: bound for name, bound in bounds.items() if bound}
        if query.user_id is not None:
            which["head.user_id"] = query.user_id
        if query.channel is not None:
            which["head.channel"] = query.channel.value
        found = self._requests.find(which)
        if query.key is None:
            found = found.sort([("head.accepted_at", -1), ("_id", 1)]).hint("unfinished_of_tenant")
        with translated_errors():
            async for document in found:
                yield read_request(document).header

    async def _open_chunks(self, header: RequestHeader, query: LogQuery) -> AsyncIterator[Document]:
        which: Document = {"request": header.key, "open": True}
        if query.count_limit == 0 and query.after is not None and query.after.at == header.accepted_at:
            which["_id"] = {"$gte": _first_behind(header.key, query.after)}
        which |= _referring(query)
        with translated_errors():
            async for document in self._chunks.find(which, _SHOWN).sort("_id", 1).hint("open_in_order"):
                yield document


def _referring(query: LogQuery) -> Document:
    return {} if query.reference is None else {"references": query.reference}


async def _batches(heads: AsyncIterator[RequestHeader]) -> AsyncIterator[list[RequestHeader]]:
    batch: list[RequestHeader] = []
    async for header in heads:
        batch.append(header)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _each(documents: Sequence[Document]) -> AsyncIterator[Document]:
    for document in documents:
        yield document


def _behind(query: LogQuery) -> object:
    """The latest acceptance that can stand behind the query's place; where all is counted, anything."""
    return query.after.at if query.after is not None and query.count_limit == 0 else None


def _first_behind(key: RequestKey, after: ListPosition) -> str:
    """The lowest id that the chunk of the delivery after a place can have."""
    place = position(after.id)
    if place is None or place[0] != key:
        # Of another request of the same moment: all of its chunks are behind, or none is.
        return f"chk_{key}" if after.id < f"log_{key}" else f"chk_{key}~"
    return chunk_id(key, place[1], max(0, place[2] - _LONGEST_CHUNK + 1))


def _counted(count_to: int | None, total: int, looked_at: int) -> bool:
    return count_to is not None and (total >= count_to or looked_at >= MAX_CHUNKS_READ)
