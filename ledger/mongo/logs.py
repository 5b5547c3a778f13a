"""Logs: one document a delivery, written once; and the one place that knows what a pending delivery looks like."""

from collections.abc import AsyncIterator, Sequence

from pymongo.errors import BulkWriteError

from core.ids import LogId, RequestKey, log_range
from ledger.mongo.connection import Database, Document, ServerClock, answering, only_duplicates
from ledger.mongo.log_documents import log_document, read_log
from ledger.mongo.pending import Pending
from ledger.reading import LogQuery, Page
from ledger.values import Log
from schemas.statuses import WAITING


class MongoLogs:
    """See ledger/ports.Logs."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._logs = database["communication_logs"]
        self._pending = Pending(database, clock)

    async def insert(self, logs: Sequence[Log]) -> list[Log]:
        """One unordered insert; where an id was taken, the log that stands is read back."""
        if not logs:
            return []
        with answering():
            try:
                await self._logs.insert_many([log_document(log) for log in logs], ordered=False)
            except BulkWriteError as error:
                if not only_duplicates(error):
                    raise
                taken = [logs[problem["index"]].id for problem in error.details["writeErrors"]]
            else:
                return list(logs)
        standing = await self.standing(taken)
        return [standing.get(log.id, log) for log in logs]

    async def standing(self, ids: Sequence[LogId]) -> dict[LogId, Log]:
        """Which of the logs exist."""
        with answering():
            found = await self._logs.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {log.id: log for log in map(read_log, found)}

    async def find(self, query: LogQuery) -> Page:
        """Logs, pending deliveries, or both in one order."""
        end = query.page * query.page_size
        start = end - query.page_size
        with_logs = not query.statuses or query.statuses - WAITING
        with_pending = not query.statuses or query.statuses & WAITING
        # Pending ones first: what gets its log between the two reads is seen twice, and counts as its log.
        waiting, waiting_total = await self._pending.find(query, end, self.standing) if with_pending else ([], 0)
        logs, logs_total = await self._page(query, end) if with_logs else ([], 0)
        seen = {log.id: log for log in (*waiting, *logs)}
        twice = len(waiting) + len(logs) - len(seen)
        merged = sorted(seen.values(), key=lambda log: (-log.created_at.timestamp(), log.id))
        return Page(merged[start:end], logs_total + waiting_total - twice)

    async def _page(self, query: LogQuery, end: int) -> tuple[list[Log], int]:
        which = log_filter(query)
        with answering():
            found = await self._logs.find(which).sort([("created_at", -1), ("_id", 1)]).limit(end).to_list(None)
            total = await self._logs.count_documents(which)
        return [read_log(document) for document in found], total

    async def of_request(self, key: RequestKey) -> AsyncIterator[Log]:
        """Every log of a request, in request order."""
        low, high = log_range(key)
        with answering():
            async for document in self._logs.find({"_id": {"$gte": low, "$lt": high}}).sort("_id", 1):
                yield read_log(document)


def log_filter(query: LogQuery) -> Document:
    """A query as MongoDB's filter on logs."""
    which: Document = {"tenant_id": query.tenant_id}
    if query.user_id is not None:
        which["user_id"] = query.user_id
    if query.key is not None:
        low, high = log_range(query.key)
        which["_id"] = {"$gte": low, "$lt": high}
    if query.channel is not None:
        which["channel"] = query.channel.value
    if query.statuses:
        which["status"] = {"$in": [status.value for status in query.statuses - WAITING]}
    if query.reference is not None:
        which["reference"] = query.reference
    if query.recipient_hashes:
        which["recipient_hash"] = {"$in": list(query.recipient_hashes)}
    if query.accepted_from or query.accepted_before:
        bounds = {"$gte": query.accepted_from, "$lt": query.accepted_before}
        which["created_at"] = {name: bound for name, bound in bounds.items() if bound}
    return which
