"""Delivery logs: one document per delivery, written once. pending.py reads the deliveries that have no log yet."""

from collections.abc import AsyncIterator, Mapping, Sequence

from pymongo import UpdateOne

from core.chunk_work import Counts
from core.ids import LogId, RequestKey, log_range
from ledger.models import Log
from ledger.mongo.connection import (
    Database,
    Document,
    ServerClock,
    count_up_to,
    duplicate_key_indexes,
    translated_errors,
)
from ledger.mongo.log_documents import log_document, read_log
from ledger.mongo.log_queries import index_for, log_filter, range_filters
from ledger.mongo.pending_log_queries import Pending
from ledger.queries import LogPage, LogQuery
from schemas.statuses import RESENDABLE, WITHOUT_LOG, Reason, Status

_RESENDABLE = [status.value for status in RESENDABLE]


class MongoLogs:
    """See ledger/ports.Logs."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._logs = database["communication_logs"]
        self._pending = Pending(database, clock)

    async def insert_or_get(self, logs: Sequence[Log]) -> list[Log]:
        """One unordered insert; where an id was taken, the log that stands is read back."""
        if not logs:
            return []
        # The command itself: the driver's insert_many spends as much on each document again as encoding it takes.
        command = {
            "insert": self._logs.name,
            "documents": [log_document(log) for log in logs],
            "ordered": False,
            "writeConcern": self._logs.write_concern.document,
        }
        with translated_errors():
            taken = [logs[at].id for at in duplicate_key_indexes(await self._logs.database.command(command))]
        if not taken:
            return list(logs)
        standing = await self.get_many(taken)
        return [standing.get(log.id, log) for log in logs]

    async def get_many(self, ids: Sequence[LogId]) -> dict[LogId, Log]:
        """Which of the logs exist."""
        with translated_errors():
            found = await self._logs.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {log.id: log for log in map(read_log, found)}

    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None = None) -> Log | None:
        """One delivery: its log, or the line of its chunk."""
        which = {"_id": log_id, "tenant_id": tenant_id, **({"user_id": user_id} if user_id is not None else {})}
        found = await self._one(which)
        if found is None:
            line = await self._pending.get(tenant_id, log_id, user_id)
            # Its log may have been written, and its chunk closed, between the two.
            found = await self._one(which) or line
        return found

    async def _one(self, which: Document) -> Log | None:
        with translated_errors():
            found = await self._logs.find_one(which)
        return read_log(found) if found else None

    async def find(self, query: LogQuery) -> LogPage:
        """Logs, pending deliveries, or both in one order."""
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        with_logs = not query.statuses or query.statuses - WITHOUT_LOG
        with_pending = not query.statuses or query.statuses & WITHOUT_LOG
        # Pending ones first: what gets its log between the two reads is seen twice, and counts as its log.
        waiting, waiting_total, exact = (
            await self._pending.find(query, end + 1, self.get_many) if with_pending else ([], 0, True)
        )
        # What has this many logs before it stands in front of the page, however many pending ones there are.
        skip = max(0, start - len(waiting))
        logs, logs_total = await self._page(query, skip, end + 1 - skip) if with_logs else ([], 0)
        seen = {log.id: log for log in (*waiting, *logs)}
        twice = len(waiting) + len(logs) - len(seen)
        merged = sorted(seen.values(), key=lambda log: (-log.created_at.timestamp(), log.id))
        total = max(logs_total + waiting_total - twice, 0)
        first, behind = start - skip, end - skip
        exact = exact and (query.count_limit is None or logs_total < query.count_limit)
        return LogPage(merged[first:behind], total, has_more=len(merged) > behind, total_is_exact=exact)

    async def _page(self, query: LogQuery, skip: int, most: int) -> tuple[list[Log], int]:
        """Up to `most` logs behind the query's place and those skipped, and how many it has in all."""
        index, order = index_for(query)
        found: list[Log] = []
        with translated_errors():
            for which in range_filters(query):
                if len(found) < most:
                    cursor = self._logs.find(which).sort(order).skip(skip).limit(most - len(found)).hint(index)
                    found += map(read_log, await cursor.to_list(None))
            return found, await count_up_to(self._logs, log_filter(query), query.count_limit, index)

    async def counts(self, key: RequestKey) -> Counts:
        """How many logs of a request have which status and reason by now."""
        low, high = log_range(key)
        group = {"_id": {"status": "$status", "reason": "$reason"}, "number": {"$sum": 1}}
        counts = Counts()
        with translated_errors():
            stages: list[Document] = [{"$match": {"_id": {"$gte": low, "$lt": high}}}, {"$group": group}]
            async for found in self._logs.aggregate(stages, hint="_id_"):
                status, reason = found["_id"]["status"], found["_id"].get("reason")
                counts[Status(status), Reason(reason) if reason else None] = found["number"]
        return counts

    async def reserve_resends(self, tenant_id: str, resends: Mapping[LogId, LogId]) -> set[LogId]:
        """One conditional update a log, then a look at what stands."""
        free = {"tenant_id": tenant_id, "status": {"$in": _RESENDABLE}, "resent_as": None}
        marks = [UpdateOne({"_id": old, **free}, {"$set": {"resent_as": new}}) for old, new in resends.items()]
        with translated_errors():
            await self._logs.bulk_write(marks, ordered=False)
            which = {"_id": {"$in": list(resends)}, "resent_as": {"$ne": None}}
            found = await self._logs.find(which, {"resent_as": True}).to_list(None)
        return {LogId(one["_id"]) for one in found if one["resent_as"] == resends[one["_id"]]}

    async def iterate_request(self, key: RequestKey) -> AsyncIterator[Log]:
        """Every log of a request, in request order."""
        low, high = log_range(key)
        with translated_errors():
            async for document in self._logs.find({"_id": {"$gte": low, "$lt": high}}).sort("_id", 1):
                yield read_log(document)
