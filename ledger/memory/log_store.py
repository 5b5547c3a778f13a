"""Logs in memory, and how they merge with what is pending."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from core.chunk_work import Counts
from core.ids import LogId, RequestKey, log_range
from ledger.memory.store import Store
from ledger.models import Log
from ledger.pending_logs import pending_of_chunk
from ledger.queries import LogPage, LogQuery, counted, position_of_log
from schemas.statuses import RESENDABLE


class MemoryLogs:
    """Implements `ledger.ports.Logs`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def insert_or_get(self, logs: Sequence[Log]) -> list[Log]:
        """Write each log unless its id is taken; the logs that stand, in this order."""
        return [self._store.logs.setdefault(log.id, log) for log in logs]

    async def get_many(self, ids: Sequence[LogId]) -> dict[LogId, Log]:
        """Which of these logs exist."""
        return {id_: self._store.logs[id_] for id_ in ids if id_ in self._store.logs}

    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None = None) -> Log | None:
        """One delivery: its log, or the line of its chunk."""
        query = LogQuery(tenant_id, user_id)
        found = [log for log in self._all(query) if log.id == log_id and _matches(log, query)]
        return found[0] if found else None

    async def find(self, query: LogQuery) -> LogPage:
        """A page of deliveries: those with a log are their log, those without are shown from their open chunk."""
        found = [log for log in self._all(query) if _matches(log, query)]
        found.sort(key=lambda log: log.id)
        found.sort(key=lambda log: log.created_at, reverse=True)  # stable: within a time the order of ids stays
        total, exact = counted(len(found), query.count_limit)
        if query.after is not None:
            found = [log for log in found if query.after.comes_before(position_of_log(log))]
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        return LogPage(found[start:end], total, has_more=len(found) > end, total_is_exact=exact)

    async def counts(self, key: RequestKey) -> Counts:
        """How many logs of a request have which status and reason by now."""
        return Counts([(log.status, log.reason) async for log in self.iterate_request(key)])

    async def reserve_resends(self, tenant_id: str, resends: Mapping[LogId, LogId]) -> set[LogId]:
        """Note on each log which delivery repeats it."""
        logs = self._store.logs
        for old, new in resends.items():
            log = logs.get(old)
            if log and log.tenant_id == tenant_id and log.status in RESENDABLE and log.resent_as is None:
                logs[old] = log._replace(resent_as=new)
        return {old for old, new in resends.items() if old in logs and logs[old].resent_as == new}

    async def iterate_request(self, key: RequestKey) -> AsyncIterator[Log]:
        """Every log of a request, in request order."""
        first, end = log_range(key)
        for log in sorted(self._store.logs.values(), key=lambda log: log.id):
            if first <= log.id < end:
                yield log

    def _all(self, query: LogQuery) -> Iterator[Log]:
        yield from self._store.logs.values()
        yield from self._pending(query)

    def _pending(self, query: LogQuery) -> Iterator[Log]:
        for document in self._store.open_chunks():
            request = self._store.requests.get(document.chunk.key)
            if request is None:
                continue
            logs = pending_of_chunk(
                document.chunk,
                document.window,
                request.request.header,
                query,
                untouched=document.untouched,
                now=self._store.clock(),
            )
            yield from (log for log in logs if log.id not in self._store.logs)


def _matches(log: Log, query: LogQuery) -> bool:
    return (
        log.tenant_id == query.tenant_id
        and query.user_id in (None, log.user_id)
        and query.channel in (None, log.channel)
        and query.reference in (None, log.reference)
        and (query.key is None or log.id.startswith(log_range(query.key)[0]))
        and (not query.statuses or log.status in query.statuses)
        and (not query.recipient_hashes or log.recipient_hash in query.recipient_hashes)
        and (query.accepted_from is None or query.accepted_from <= log.created_at)
        and (query.accepted_before is None or log.created_at < query.accepted_before)
    )
