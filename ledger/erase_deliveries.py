"""Erasure of single deliveries: those to one recipient, among others of the same chunk.

A chunk is erased before its logs, because it is found by them. The owner of a chunk never writes what the chunk says
about its recipients, so that is replaced at any time. Only the owner writes its work (I3). Without an owner, waiting
deliveries are decided here. An owner decides them itself at its next window, because it finds the order.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from core.chunk_work import without_outcome
from core.erased_work import decide_erased
from core.ids import LogId, RequestKey, index_of, position
from core.index_ranges import indices
from ledger.erase_requests import WITH_LOG, erase_request
from ledger.erased_recipients import find_recipients, without_recipients
from ledger.erasure_port import Erasure
from ledger.erasure_progress import ErasureProgress
from ledger.errors import LedgerUnavailable, SealingError
from ledger.log_pages import log_pages
from ledger.models import Chunk, Log
from ledger.personal_data_port import Pseudonym, StoredChunk
from ledger.ports import Ledger
from ledger.queries import LogQuery
from ledger.sealing import Sealer
from schemas.statuses import WITHOUT_LOG, Lane

MAX_TRIES = 10
"""Maximum number of times that a chunk is read again because a claim or another erasure came first."""
_PRECISION = timedelta(milliseconds=1)
"""Precision of stored times."""


class _Handled(NamedTuple):
    """Chunk that this pass has erased, or has left to a later one."""

    key: RequestKey
    part: int
    indices: range
    kept: Collection[int]
    """Deliveries whose logs must stay as they are for now. Their events may be published again."""

    def covers(self, log_id: LogId) -> bool:
        """Return whether the chunk has this delivery."""
        key, part, index = position(log_id) or (None, 0, 0)
        return (key, part) == (self.key, self.part) and index in self.indices


class RecipientErasure:
    """One pass over the deliveries to a recipient."""

    def __init__(self, ledger: Ledger, sealer: Sealer, erasure: Erasure, progress: ErasureProgress) -> None:
        self._ledger, self._sealer, self._erasure, self._progress = ledger, sealer, erasure, progress
        self._pseudonym, self._hashes = Pseudonym.of(erasure.id), erasure.target.hashes
        self._handled: _Handled | None = None

    async def run(self) -> None:
        """Erase. Pending deliveries come first, so that one that gets its log meanwhile is found by the log.

        A delivery whose chunk was erased while it had an owner is pending under its pseudonym.
        """
        query = LogQuery(self._erasure.tenant_id, accepted_before=self._erasure.before + _PRECISION)
        with_pseudonym = self._hashes | {self._pseudonym.hash}
        await self._erase_found(replace(query, statuses=WITHOUT_LOG, recipient_hashes=with_pseudonym))
        await self._erase_found(replace(query, statuses=WITH_LOG, recipient_hashes=self._hashes))

    async def _erase_found(self, query: LogQuery) -> None:
        async for page in log_pages(self._ledger, query):
            await self._erase_page(page)
            await self._progress.checkpoint()

    async def _erase_page(self, logs: Sequence[Log]) -> None:
        """Erase the chunks of some deliveries, and then their logs. Those of one chunk follow each other."""
        erasable = []
        for log in logs:
            if self._handled is None or not self._handled.covers(log.id):
                self._handled = await self._erase_chunk(log.id)
            if log.status not in WITHOUT_LOG and (not self._handled or index_of(log.id) not in self._handled.kept):
                erasable.append(log.id)
        if erasable:
            number = await self._ledger.personal_data.erase_logs(erasable, self._pseudonym)
            self._progress.count("deliveries", number)

    async def _erase_chunk(self, log_id: LogId) -> _Handled | None:
        """Erase the recipient in the chunk of a delivery. Return None if the chunk was deleted by its retention."""
        for _ in range(MAX_TRIES):
            stored = await self._ledger.personal_data.read_chunk(log_id)
            if stored is None:
                return None
            chunk = stored.chunk
            found = find_recipients(chunk, self._hashes)
            erased = find_recipients(chunk, {self._pseudonym.hash})
            if chunk.lane is Lane.EXPRESS and len(found | erased) == chunk.size:
                await erase_request(self._ledger, chunk.key, self._pseudonym, self._progress)
                return _handled(chunk, found | erased)
            try:
                if await self._replace(stored, found, erased):
                    return _handled(chunk, self._kept(stored, found | erased))
            except SealingError as error:
                self._progress.leave_open(str(error))
                return _handled(chunk, found)
        raise LedgerUnavailable("the recipients of a chunk change too often")

    async def _replace(self, stored: StoredChunk, found: set[int], erased: set[int]) -> bool:
        """Write the chunk without the recipient. Return False if it has changed meanwhile."""
        chunk, work = stored.chunk, None
        if stored.is_open and not stored.is_owned:
            waiting = (found | erased) & without_outcome(chunk.work, stored.window)
            if waiting:
                work = decide_erased(chunk.work, waiting)
        if not found and work is None:
            return True
        left = without_recipients(chunk, found, self._pseudonym, self._sealer) if found else chunk
        if not await self._ledger.personal_data.replace_recipients(stored, left, work):
            return False
        self._progress.count("cancelled", len(work.decided) - len(chunk.work.decided) if work else 0)
        return True

    def _kept(self, stored: StoredChunk, recipient: set[int]) -> set[int]:
        """Return the deliveries to the recipient whose outcome or events are in the hands of an owner."""
        if not stored.is_open:
            return set()
        work = stored.chunk.work
        kept = recipient & {*indices(work.unacknowledged)}
        if stored.is_owned:
            kept |= recipient & {*without_outcome(work, stored.window), *(each.index for each in work.decided)}
        if kept:
            self._progress.leave_open()
        return kept


def _handled(chunk: Chunk, kept: Collection[int]) -> _Handled:
    return _Handled(chunk.key, chunk.part, range(chunk.first, chunk.first + chunk.size), kept)
