"""The whole ledger in memory."""

from collections.abc import Callable
from datetime import datetime

from ledger.memory.chunk_store import MemoryChunks
from ledger.memory.idempotency_key_store import MemoryIdempotencyKeys
from ledger.memory.log_store import MemoryLogs
from ledger.memory.request_store import MemoryRequests
from ledger.memory.retention_store import MemoryRetention
from ledger.memory.store import Store
from ledger.memory.template_store import MemoryTemplates
from ledger.ports import Chunks, IdempotencyKeys, Logs, Requests, Retention, Templates


class MemoryLedger:
    """Implements `ledger.ports.Ledger`; `clock` is its server's clock and gives aware times."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        store = Store(self.now)
        self.requests: Requests = MemoryRequests(store)
        self.chunks: Chunks = MemoryChunks(store)
        self.logs: Logs = MemoryLogs(store)
        self.retention: Retention = MemoryRetention(store)
        self.templates: Templates = MemoryTemplates(store)
        self.keys: IdempotencyKeys = MemoryIdempotencyKeys(store)

    def now(self) -> datetime:
        """The server's time, in whole milliseconds as MongoDB stores it."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def setup(self) -> list[str]:
        """Create nothing: there are no indexes here."""
        return []

    async def check(self) -> None:
        """Return: nothing can be missing."""

    async def ping(self) -> None:
        """Return: it always answers."""

    async def aclose(self) -> None:
        """Close nothing."""
