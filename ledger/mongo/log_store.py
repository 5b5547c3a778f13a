"""Delivery logs in MongoDB. pending_log_queries.py reads the deliveries that have no log yet."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

from pymongo import UpdateOne
from typing_extensions import override

from core.ids import LogId, RequestKey, log_range, position
from ledger.models import Log
from ledger.mongo.connection import (
    Database,
    Document,
    ServerClock,
    count_up_to,
    translated_errors,
)
from ledger.mongo.grouped_writes import GroupedInserts
from ledger.mongo.log_documents import log_document, read_log, read_way
from ledger.mongo.log_queries import index_for, log_filter, range_filters
from ledger.mongo.moved_logs import count_ways, find_ways, settle_logs
from ledger.mongo.pending_log_queries import PendingLogQueries
from ledger.mongo.recipient_tenants import find_tenants
from ledger.personal_data_port import ERASED_PREFIX
from ledger.ports import Logs
from ledger.queries import IdRange, LogPage, LogQuery
from ledger.receipt_effects import LogChange, MoveCounts
from ledger.receipt_port import ANY_ORIGIN, MessageOrigin
from schemas.statuses import RESENDABLE, WITHOUT_LOG, Status

_RESENDABLE = [status.value for status in RESENDABLE]
_NOT_ERASED = {"$not": {"$regex": f"^{ERASED_PREFIX}"}}


class MongoLogs(Logs):
    """Delivery logs in the collection `communication_logs`."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._logs = database["communication_logs"]
        self._inserts = GroupedInserts(self._logs)
        self._pending = PendingLogQueries(database, clock)

    @override
    async def insert_or_get(self, logs: Sequence[Log]) -> list[Log]:
        """Write with one unordered insert, shared with other callers. Read back the logs whose ids existed."""
        if not logs:
            return []
        existing = [logs[at].id for at in await self._inserts.insert([log_document(log) for log in logs])]
        if not existing:
            return list(logs)
        stored = await self.get_many(existing)
        return [stored.get(log.id, log) for log in logs]

    @override
    async def get_many(self, ids: Sequence[LogId]) -> dict[LogId, Log]:
        with translated_errors():
            documents = await self._logs.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {log.id: log for log in map(read_log, documents)}

    @override
    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None = None) -> Log | None:
        query = {"_id": log_id, "tenant_id": tenant_id, **({"user_id": user_id} if user_id is not None else {})}
        log = await self._find_one(query)
        if log is None:
            pending = await self._pending.get(tenant_id, log_id, user_id)
            # Between the two reads the log may have been written and the chunk closed.
            log = await self._find_one(query) or pending
        return log

    async def _find_one(self, query: Document) -> Log | None:
        with translated_errors():
            document = await self._logs.find_one(query)
        return read_log(document) if document else None

    @override
    async def find(self, query: LogQuery) -> LogPage:
        """Merge the logs and the pending deliveries into one order."""
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        with_logs = not query.statuses or query.statuses - WITHOUT_LOG
        with_pending = not query.statuses or query.statuses & WITHOUT_LOG
        # Read the pending deliveries first. If a delivery gets its log between the two reads, the log counts.
        waiting, waiting_total, exact = (
            await self._pending.find(query, end + 1, self.get_many) if with_pending else ([], 0, True)
        )
        # The first `skip` logs are before the page, even if all pending deliveries come before them.
        skip = max(0, start - len(waiting))
        logs, logs_total = await self._page(query, skip, end + 1 - skip) if with_logs else ([], 0)
        by_id = {log.id: log for log in (*waiting, *logs)}
        read_twice = len(waiting) + len(logs) - len(by_id)
        merged = sorted(by_id.values(), key=lambda log: (-log.created_at.timestamp(), log.id))
        total = max(logs_total + waiting_total - read_twice, 0)
        first, last = start - skip, end - skip
        exact = exact and (query.count_limit is None or logs_total < query.count_limit)
        return LogPage(merged[first:last], total, has_more=len(merged) > last, total_is_exact=exact)

    async def _page(self, query: LogQuery, skip: int, limit: int) -> tuple[list[Log], int]:
        """Return up to `limit` logs after the position of the query and the skipped logs, and the total number."""
        index, order = index_for(query)
        logs: list[Log] = []
        with translated_errors():
            for filter_ in range_filters(query):
                if len(logs) < limit:
                    cursor = self._logs.find(filter_).sort(order).skip(skip).limit(limit - len(logs)).hint(index)
                    logs += map(read_log, await cursor.to_list(None))
            return logs, await count_up_to(self._logs, log_filter(query), query.count_limit, index)

    @override
    async def find_first(self, ranges: Iterable[IdRange], statuses: Collection[Status], limit: int) -> list[Log]:
        logs: list[Log] = []
        wanted = {"$in": [status.value for status in statuses]}
        with translated_errors():
            for low, high in ranges:
                cursor = self._logs.find({"_id": {"$gte": low, "$lt": high}, "status": wanted}).sort("_id", 1)
                logs += map(read_log, await cursor.limit(limit - len(logs)).hint("_id_").to_list(None))
                if len(logs) == limit:
                    break
        return logs

    @override
    async def settle(self, changes: Sequence[LogChange]) -> set[LogId]:
        return await settle_logs(self._logs, changes)

    @override
    async def find_by_message_ids(
        self, ids: Collection[str], limit: int, origin: MessageOrigin = ANY_ORIGIN
    ) -> list[Log]:
        return await self._find_sent({"provider_message_id": {"$in": list(ids)}, **_of(origin)}, limit)

    @override
    async def find_by_message_ids_and_hashes(
        self, ids: Collection[str], recipient_hashes: Collection[bytes], limit: int, origin: MessageOrigin = ANY_ORIGIN
    ) -> list[Log]:
        hashes = {"recipient_hash": {"$in": list(recipient_hashes)}}
        return await self._find_sent({"provider_message_id": {"$in": list(ids)}, **hashes, **_of(origin)}, limit)

    async def _find_sent(self, filter_: Document, limit: int) -> list[Log]:
        with translated_errors():
            documents = await self._logs.find(filter_).hint("of_message").limit(limit).to_list(None)
        return list(map(read_log, documents))

    @override
    async def find_tenants(self, provider: str, recipient_hashes: Collection[bytes]) -> list[str]:
        return await find_tenants(self._logs, provider, recipient_hashes)

    @override
    async def count_moves(self, key: RequestKey) -> MoveCounts:
        return {read_way(way): number for way, number in (await count_ways(self._logs, key)).items()}

    @override
    async def find_moved(self, key: RequestKey, statuses: Collection[Status], limit: int) -> list[Log]:
        with translated_errors():
            ways = [way for way in await find_ways(self._logs, key) if read_way(way).status in statuses]
            filter_ = {"moved.request": key, "moved.way": {"$in": ways}}
            documents = (
                await self._logs.find(filter_).sort("_id", 1).limit(limit).hint("moved_of_request").to_list(None)
            )
        return list(map(read_log, documents))

    @override
    async def reserve_resends(self, tenant_id: str, resends: Mapping[LogId, LogId]) -> set[LogId]:
        """Write the notes with one conditional update for each log, and read them back."""
        free = {"tenant_id": tenant_id, "status": {"$in": _RESENDABLE}, "resent_as": None, "recipient": _NOT_ERASED}
        updates = [UpdateOne({"_id": old, **free}, {"$set": {"resent_as": new}}) for old, new in resends.items()]
        with translated_errors():
            await self._logs.bulk_write(updates, ordered=False)
            query = {"_id": {"$in": list(resends)}, "resent_as": {"$ne": None}}
            documents = await self._logs.find(query, {"resent_as": True}).to_list(None)
        return {LogId(log["_id"]) for log in documents if log["resent_as"] == resends[log["_id"]]}

    @override
    async def count_resends(self, key: RequestKey) -> Mapping[RequestKey, int]:
        """Count in MongoDB. A log id is the request key, and 9 characters for the position."""
        low, high = log_range(key)
        length = {"$subtract": [{"$strLenBytes": "$resent_as"}, 9]}
        group = {
            "_id": {"$substrBytes": ["$resent_as", 0, length]},
            "number": {"$sum": 1},
            "one": {"$first": "$resent_as"},
        }
        stages: list[Document] = [
            {"$match": {"_id": {"$gte": low, "$lt": high}, "resent_as": {"$exists": True}}},
            {"$group": group},
        ]
        with translated_errors():
            documents = await self._logs.aggregate(stages).to_list(None)
        repeats = [(position(document["one"]), document["number"]) for document in documents]
        return {repeat[0]: number for repeat, number in repeats if repeat}

    @override
    async def iterate_request(self, key: RequestKey) -> AsyncIterator[Log]:
        low, high = log_range(key)
        with translated_errors():
            async for document in self._logs.find({"_id": {"$gte": low, "$lt": high}}).sort("_id", 1):
                yield read_log(document)


def _of(origin: MessageOrigin) -> Document:
    if origin.tenant_id is not None:
        return {"tenant_id": origin.tenant_id}
    return {} if origin.provider is None else {"provider": origin.provider}
