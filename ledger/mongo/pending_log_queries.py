"""Queries for deliveries without a log, which are read from their open chunks.

ledger/pending_logs.py builds each delivery.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

from core.ids import LogId, RequestKey, chunk_id, position
from ledger.models import Log, RequestHeader
from ledger.mongo.chunk_documents import read_chunk
from ledger.mongo.connection import Database, Document, ServerClock, translated_errors
from ledger.mongo.request_documents import read_request
from ledger.mongo.work_documents import read_window
from ledger.pending_logs import pending_of_chunk
from ledger.queries import ListPosition, LogQuery, position_of_log

ReadLogs = Callable[[Sequence[LogId]], Awaitable[dict[LogId, Log]]]

MAX_CHUNKS_READ = 100
"""Maximum number of requests and chunks that are read to count beyond the page, if the count has a limit."""

_REQUEST_BATCH = 50
"""Number of requests whose chunks are read with one query."""

_MAX_BATCH_CHUNKS = 60
"""Maximum number of chunks in memory at once. If a batch has more, the chunks of each request are queried alone."""

_MAX_CHUNK_SIZE = 1_000
"""Maximum number of recipients in a chunk. See ledger.models.Chunk."""

_PROJECTION = {"lookup": False, "sealed": False, "sealed_secrets": False}
_REQUEST_PROJECTION = dict.fromkeys(("head.sealed_text", "head.sealed_secrets", "sealed", "sealed_secrets"), False)

UnfinishedRequest = tuple[RequestHeader, Document]
"""Request without a completion, and its document, which has its chunk if the request is small."""


class PendingLogQueries:
    """Queries for the pending deliveries of a tenant, newest requests first."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._requests, self._chunks, self._clock = database["requests"], database["chunks"], clock

    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None) -> Log | None:
        """Return the delivery of this log id while its chunk is open."""
        log_position = position(log_id)
        if log_position is None:
            return None
        key, part, index = log_position
        owned: Document = {"_id": key, "head.tenant_id": tenant_id}
        if user_id is not None:
            owned["head.user_id"] = user_id
        with translated_errors():
            request = await self._requests.find_one(owned, _REQUEST_PROJECTION)
            if request is None:
                return None
            chunk: Document | None = request
            if "open" not in request:
                ids = {"$gte": chunk_id(key, part, 0), "$lte": chunk_id(key, part, index)}
                chunk = await self._chunks.find_one({"_id": ids}, _PROJECTION, sort=[("_id", -1)])
        if chunk is None or not chunk["open"]:
            return None
        query = LogQuery(tenant_id)
        return next(
            (log for log in self._pending_logs(chunk, read_request(request).header, query) if log.id == log_id), None
        )

    async def find(self, query: LogQuery, end: int, read_logs: ReadLogs) -> tuple[list[Log], int, bool]:
        """Return the first `end` pending deliveries, the number counted, and whether all were counted."""
        first: list[Log] = []
        total, chunks_read = 0, 0
        async with aclosing(self._read_chunks(query)) as chunks:
            async for untouched, deliveries in chunks:
                # A delivery of a chunk that was ever claimed may have its log already.
                doubtful = [] if untouched else [delivery.id for delivery in deliveries]
                logged = await read_logs(doubtful) if doubtful else {}
                waiting = [delivery for delivery in deliveries if delivery.id not in logged]
                after = [
                    delivery
                    for delivery in waiting
                    if not query.after or query.after.comes_before(position_of_log(delivery))
                ]
                first.extend(after[: end - len(first)])
                total, chunks_read = total + len(waiting), chunks_read + 1
                if len(first) >= end and _is_counted(query.count_limit, total, chunks_read):
                    return first, total, False
        return first, total, True

    async def _read_chunks(self, query: LogQuery) -> AsyncGenerator[tuple[bool, list[Log]], None]:
        """Yield for each chunk whether it was never claimed, and its deliveries. Without a chunk, yield none."""
        async for batch in _batches(self._unfinished_requests(query)):
            large = [header for header, document in batch if "open" not in document]
            chunks = await self._read_batch(large, query) if large else {}
            for header, request in batch:
                empty = True
                if "open" in request:
                    documents = _iterate([request] if request["open"] else [])
                else:
                    documents = self._open_chunks(header, query) if chunks is None else _iterate(chunks[header.key])
                async for document in documents:
                    empty = False
                    yield document["fence"] == 0, self._pending_logs(document, header, query)
                if empty:
                    yield True, []

    async def _read_batch(
        self, headers: Sequence[RequestHeader], query: LogQuery
    ) -> dict[RequestKey, list[Document]] | None:
        """Return the open chunks of some requests, or None if they are too many to be in memory at once."""
        open_chunks: Document = {"request": {"$in": [header.key for header in headers]}, "open": True}
        with translated_errors():
            ids = (
                await self._chunks.find(open_chunks, {"_id": True})
                .hint("open_in_order")
                .limit(_MAX_BATCH_CHUNKS + 1)
                .to_list(None)
            )
            if len(ids) > _MAX_BATCH_CHUNKS:
                return None
            matching = {"_id": {"$in": [document["_id"] for document in ids]}, "open": True, **_by_reference(query)}
            chunks = await self._chunks.find(matching, _PROJECTION).sort("_id", 1).to_list(None)
        return {header.key: [chunk for chunk in chunks if chunk["request"] == header.key] for header in headers}

    def _pending_logs(self, document: Document, header: RequestHeader, query: LogQuery) -> list[Log]:
        window, chunk = read_window(document), read_chunk(document)
        untouched = document["fence"] == 0
        return pending_of_chunk(chunk, window, header, query, untouched=untouched, now=self._clock.now())

    async def _unfinished_requests(self, query: LogQuery) -> AsyncIterator[UnfinishedRequest]:
        # `announced` is false for every request without a completion. The index contains only requests with that value.
        filter_: Document = {"head.tenant_id": query.tenant_id, "completion": None, "announced": False}
        if query.key is not None:
            filter_["_id"] = query.key
        bounds = {"$gte": query.accepted_from, "$lt": query.accepted_before, "$lte": _latest_time(query)}
        if any(bounds.values()):
            filter_["head.accepted_at"] = {name: bound for name, bound in bounds.items() if bound}
        if query.user_id is not None:
            filter_["head.user_id"] = query.user_id
        if query.channel is not None:
            filter_["head.channel"] = query.channel.value
        requests = self._requests.find(filter_, _REQUEST_PROJECTION, batch_size=_REQUEST_BATCH)
        if query.key is None:
            requests = requests.sort([("head.accepted_at", -1), ("_id", 1)]).hint("unfinished_of_tenant")
        with translated_errors():
            async for document in requests:
                yield read_request(document).header, document

    async def _open_chunks(self, header: RequestHeader, query: LogQuery) -> AsyncIterator[Document]:
        filter_: Document = {"request": header.key, "open": True}
        if query.count_limit == 0 and query.after is not None and query.after.at == header.accepted_at:
            filter_["_id"] = {"$gte": _first_chunk_after(header.key, query.after)}
        filter_ |= _by_reference(query)
        with translated_errors():
            async for document in self._chunks.find(filter_, _PROJECTION).sort("_id", 1).hint("open_in_order"):
                yield document


def _by_reference(query: LogQuery) -> Document:
    return {} if query.reference is None else {"references": query.reference}


async def _batches(requests: AsyncIterator[UnfinishedRequest]) -> AsyncIterator[list[UnfinishedRequest]]:
    batch: list[UnfinishedRequest] = []
    async for request in requests:
        batch.append(request)
        if len(batch) == _REQUEST_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _iterate(documents: Sequence[Document]) -> AsyncIterator[Document]:
    for document in documents:
        yield document


def _latest_time(query: LogQuery) -> object:
    """Return the latest acceptance time after the position of the query. None: no limit, as all are counted."""
    return query.after.at if query.after is not None and query.count_limit == 0 else None


def _first_chunk_after(key: RequestKey, after: ListPosition) -> str:
    """Return the lowest id of the chunk of the first delivery after a position."""
    log_position = position(after.id)
    if log_position is None or log_position[0] != key:
        # The position is in another request of the same time. All chunks of this one come after it, or none does.
        return f"chk_{key}" if after.id < f"log_{key}" else f"chk_{key}~"
    return chunk_id(key, log_position[1], max(0, log_position[2] - _MAX_CHUNK_SIZE + 1))


def _is_counted(count_limit: int | None, total: int, chunks_read: int) -> bool:
    return count_limit is not None and (total >= count_limit or chunks_read >= MAX_CHUNKS_READ)
