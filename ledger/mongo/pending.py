"""Deliveries without a log, shown from their open chunks (section Read)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from core.ids import LogId
from ledger.mongo.chunk_documents import read_chunk, read_window
from ledger.mongo.connection import Database, Document, ServerClock, answering
from ledger.mongo.requests import read_request
from ledger.pending import pending_of_chunk
from ledger.reading import LogQuery
from ledger.values import Head, Log

Standing = Callable[[Sequence[LogId]], Awaitable[dict[LogId, Log]]]


class Pending:
    """The pending deliveries of a tenant, newest requests first."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._requests, self._chunks, self._clock = database["requests"], database["chunks"], clock

    async def find(self, query: LogQuery, end: int, standing: Standing) -> tuple[list[Log], int]:
        """The first `end` pending deliveries of a query, and how many there are."""
        first: list[Log] = []
        total = 0
        async for head in self._heads(query):
            async for document in self._open_chunks(head):
                window, chunk = read_window(document["window"]), read_chunk(document)
                untouched = document["fence"] == 0
                lines = pending_of_chunk(chunk, window, head, query, untouched=untouched, now=self._clock.now())
                # Whatever was in somebody's hands can have its log already, also where another put it back since.
                doubtful = [] if untouched else [line.id for line in lines]
                logged = await standing(doubtful) if doubtful else {}
                lines = [line for line in lines if line.id not in logged]
                first.extend(lines[: end - len(first)])
                total += len(lines)
        return first, total

    async def _heads(self, query: LogQuery) -> AsyncIterator[Head]:
        which: Document = {"head.tenant_id": query.tenant_id, "completion": None}
        if query.key is not None:
            which["_id"] = query.key
        bounds = {"$gte": query.accepted_from, "$lt": query.accepted_before}
        if any(bounds.values()):
            which["head.accepted_at"] = {name: bound for name, bound in bounds.items() if bound}
        if query.user_id is not None:
            which["head.user_id"] = query.user_id
        if query.channel is not None:
            which["head.channel"] = query.channel.value
        with answering():
            async for document in self._requests.find(which).sort([("head.accepted_at", -1), ("_id", 1)]):
                yield read_request(document).head

    async def _open_chunks(self, head: Head) -> AsyncIterator[Document]:
        with answering():
            which = {"request": head.key, "open": True}
            async for document in self._chunks.find(which, {"lookup": False, "sealed": False}).sort("_id", 1):
                yield {**document, "sealed": b""}
