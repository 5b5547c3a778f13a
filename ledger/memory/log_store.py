"""Delivery logs in memory, merged with the pending deliveries of open chunks."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from typing_extensions import override

from core.ids import LogId, RequestKey, log_range, position
from ledger.memory.store import Store
from ledger.models import Log
from ledger.pending_logs import pending_of_chunk
from ledger.personal_data_port import is_erased
from ledger.ports import Logs
from ledger.queries import IdRange, LogPage, LogQuery, counted, position_of_log
from ledger.receipt_effects import LogChange, Move, MoveCounts
from ledger.receipt_port import ANY_ORIGIN, MessageOrigin
from schemas.statuses import RESENDABLE, Status


class MemoryLogs(Logs):
    """Delivery logs in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def insert_or_get(self, logs: Sequence[Log]) -> list[Log]:
        return [self._store.logs.setdefault(log.id, log) for log in logs]

    @override
    async def get_many(self, ids: Sequence[LogId]) -> dict[LogId, Log]:
        return {id_: self._store.logs[id_] for id_ in ids if id_ in self._store.logs}

    @override
    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None = None) -> Log | None:
        query = LogQuery(tenant_id, user_id)
        return next((log for log in self._all(query) if log.id == log_id and _matches(log, query)), None)

    @override
    async def find(self, query: LogQuery) -> LogPage:
        logs = [log for log in self._all(query) if _matches(log, query)]
        # The second sort is stable: logs of the same time stay in the order of their ids.
        logs.sort(key=lambda log: log.id)
        logs.sort(key=lambda log: log.created_at, reverse=True)
        total, exact = counted(len(logs), query.count_limit)
        if query.after is not None:
            logs = [log for log in logs if query.after.comes_before(position_of_log(log))]
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        return LogPage(logs[start:end], total, has_more=len(logs) > end, total_is_exact=exact)

    @override
    async def find_first(self, ranges: Iterable[IdRange], statuses: Collection[Status], limit: int) -> list[Log]:
        logs = sorted(self._store.logs.values(), key=lambda log: log.id)
        found = (log for low, high in ranges for log in logs if low <= log.id < high and log.status in statuses)
        return list(islice(found, limit))

    @override
    async def settle(self, changes: Sequence[LogChange]) -> set[LogId]:
        logs = self._store.logs
        for before, after in changes:
            stored = logs.get(after.id)
            if stored and (stored.status, stored.recipient) == (before.status, before.recipient):
                logs[after.id] = after._replace(resent_as=stored.resent_as)
        marks = ((logs.get(after.id), after) for _, after in changes)
        return {after.id for stored, after in marks if stored and stored.settled_by == after.settled_by}

    @override
    async def find_by_message_ids(
        self, ids: Collection[str], limit: int, origin: MessageOrigin = ANY_ORIGIN
    ) -> list[Log]:
        logs = (log for log in self._store.logs.values() if origin.may_have(log.tenant_id, log.provider))
        return list(islice((log for log in logs if log.provider_message_id in ids), limit))

    @override
    async def find_by_message_ids_and_hashes(
        self, ids: Collection[str], recipient_hashes: Collection[bytes], limit: int, origin: MessageOrigin = ANY_ORIGIN
    ) -> list[Log]:
        found = await self.find_by_message_ids(ids, len(self._store.logs), origin)
        return [log for log in found if log.recipient_hash in recipient_hashes][:limit]

    @override
    async def find_tenants(self, provider: str, recipient_hashes: Collection[bytes]) -> list[str]:
        logs = self._store.logs.values()
        found = (log for log in logs if log.provider == provider and log.recipient_hash in recipient_hashes)
        return list({log.tenant_id for log in found})

    @override
    async def count_moves(self, key: RequestKey) -> MoveCounts:
        logs = [log async for log in self.iterate_request(key) if log.settled_by]
        return Counter(Move(log.outcome, log.outcome_reason, log.status, log.reason) for log in logs)

    @override
    async def find_moved(self, key: RequestKey, statuses: Collection[Status], limit: int) -> list[Log]:
        return [log async for log in self.iterate_request(key) if log.settled_by and log.status in statuses][:limit]

    @override
    async def reserve_resends(self, tenant_id: str, resends: Mapping[LogId, LogId]) -> set[LogId]:
        logs = self._store.logs
        for old, new in resends.items():
            log = logs.get(old)
            if not log or log.tenant_id != tenant_id or is_erased(log.recipient):
                continue
            if log.status in RESENDABLE and log.resent_as is None:
                logs[old] = log._replace(resent_as=new)
        return {old for old, new in resends.items() if old in logs and logs[old].resent_as == new}

    @override
    async def count_resends(self, key: RequestKey) -> Mapping[RequestKey, int]:
        repeats = [position(log.resent_as) async for log in self.iterate_request(key) if log.resent_as]
        return Counter(repeat[0] for repeat in repeats if repeat)

    @override
    async def iterate_request(self, key: RequestKey) -> AsyncIterator[Log]:
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
