"""In-memory ledger."""

from collections.abc import Callable
from datetime import datetime

from ledger.audit_port import AuditLog
from ledger.chunk_port import Chunks
from ledger.consent_port import Consents
from ledger.erasure_port import Erasures
from ledger.memory.audit_store import MemoryAuditLog
from ledger.memory.chunk_store import MemoryChunks
from ledger.memory.consent_store import MemoryConsents
from ledger.memory.erasure_store import MemoryErasures
from ledger.memory.idempotency_key_store import MemoryIdempotencyKeys
from ledger.memory.kept_receipt_store import MemoryKeptReceipts
from ledger.memory.log_store import MemoryLogs
from ledger.memory.message_counter_store import MemoryMessageCounters
from ledger.memory.permit_store import MemoryPermits
from ledger.memory.personal_data_store import MemoryPersonalData
from ledger.memory.provider_state_store import MemoryProviderStates
from ledger.memory.request_store import MemoryRequests
from ledger.memory.retention_store import MemoryRetention
from ledger.memory.store import Store
from ledger.memory.suppression_store import MemorySuppressions
from ledger.memory.template_store import MemoryTemplates
from ledger.memory.tenant_store import MemoryTenants
from ledger.message_counter_port import MessageCounters
from ledger.permit_port import Permits
from ledger.personal_data_port import PersonalData
from ledger.ports import IdempotencyKeys, Logs, Retention, Templates
from ledger.provider_states import ProviderStates
from ledger.receipt_port import KeptReceipts
from ledger.request_port import Requests
from ledger.suppression_port import Suppressions
from ledger.tenant_port import Tenants


class MemoryLedger:
    """In-memory `ledger.ports.Ledger`. `clock` replaces the clock of the server and returns aware times."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        store = Store(self.now)
        chunks = MemoryChunks(store)
        self.requests: Requests = MemoryRequests(store, chunks)
        self.chunks: Chunks = chunks
        self.logs: Logs = MemoryLogs(store)
        self.retention: Retention = MemoryRetention(store)
        self.templates: Templates = MemoryTemplates(store)
        self.keys: IdempotencyKeys = MemoryIdempotencyKeys(store)
        self.receipts: KeptReceipts = MemoryKeptReceipts(store)
        self.permits: Permits = MemoryPermits(store)
        self.tenants: Tenants = MemoryTenants(store)
        self.consents: Consents = MemoryConsents(store)
        self.message_counters: MessageCounters = MemoryMessageCounters(store)
        self.suppressions: Suppressions = MemorySuppressions(store)
        self.erasures: Erasures = MemoryErasures(store)
        self.personal_data: PersonalData = MemoryPersonalData(store)
        self.audit: AuditLog = MemoryAuditLog(store)
        self.provider_states: ProviderStates = MemoryProviderStates(store)

    def now(self) -> datetime:
        """Return the time in whole milliseconds, as MongoDB stores it."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def setup(self) -> list[str]:
        """Return no lines, because there are no indexes."""
        return []

    async def check(self) -> None:
        """Return without an error, because no index can be missing."""

    async def ping(self) -> None:
        """Return at once."""

    async def aclose(self) -> None:
        """Return at once, because there is no connection."""
