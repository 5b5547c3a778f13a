"""MongoDB ledger: the stores of one connection."""

from datetime import datetime
from typing import Self

from motor.motor_asyncio import AsyncIOMotorClient

from ledger.mongo.audit_store import MongoAuditLog
from ledger.mongo.blocking_calls import run_blocking
from ledger.mongo.chunk_store import MongoChunks
from ledger.mongo.connection import (
    COMMAND_TIMEOUT_MS,
    Database,
    Document,
    ServerClock,
    open_database,
    translated_errors,
)
from ledger.mongo.consent_store import MongoConsents
from ledger.mongo.erasure_store import MongoErasures
from ledger.mongo.idempotency_key_store import MongoIdempotencyKeys
from ledger.mongo.indexes import check_indexes, create_indexes
from ledger.mongo.kept_receipt_store import MongoKeptReceipts
from ledger.mongo.log_store import MongoLogs
from ledger.mongo.message_counter_store import MongoMessageCounters
from ledger.mongo.permit_store import MongoPermits
from ledger.mongo.personal_data_store import MongoPersonalData
from ledger.mongo.provider_state_store import MongoProviderStates
from ledger.mongo.request_store import MongoRequests
from ledger.mongo.retention_store import MongoRetention
from ledger.mongo.suppression_store import MongoSuppressions
from ledger.mongo.template_store import MongoTemplates
from ledger.mongo.tenant_store import MongoTenants


class MongoLedger:
    """MongoDB implementation of `ledger.ports.Ledger`."""

    def __init__(self, client: AsyncIOMotorClient[Document], database: Database) -> None:
        self._client, self._database, self._clock = client, database, ServerClock()
        self.requests = MongoRequests(database["requests"], self._clock)
        self.chunks = MongoChunks(database, self._clock)
        self.logs = MongoLogs(database, self._clock)
        self.retention = MongoRetention(database, self._clock)
        self.templates = MongoTemplates(database["templates"])
        self.keys = MongoIdempotencyKeys(database["idempotency_keys"])
        self.receipts = MongoKeptReceipts(database["receipts"], self._clock)
        self.permits = MongoPermits(database["permits"])
        self.tenants = MongoTenants(database["tenants"])
        self.consents = MongoConsents(database["consents"])
        self.message_counters = MongoMessageCounters(database["message_counters"], self._clock)
        self.suppressions = MongoSuppressions(database["suppressions"], self._clock)
        self.erasures = MongoErasures(database["erasures"], self._clock)
        self.personal_data = MongoPersonalData(database)
        self.audit = MongoAuditLog(database["audit"])
        self.provider_states = MongoProviderStates(database["provider_states"])

    @classmethod
    async def connect(cls, url: str, database: str, *, timeout_ms: int = COMMAND_TIMEOUT_MS) -> Self:
        """Open the ledger without waiting for MongoDB. Call `ping` to see whether it answers."""
        return cls(*open_database(url, database, timeout_ms))

    def now(self) -> datetime:
        """Return the estimated time of the server."""
        return self._clock.now()

    async def ping(self) -> None:
        """Return as soon as the primary answers, and set the clock by its answer."""
        with translated_errors():
            hello = await self._database.command("hello")
            self._clock.observe(hello["localTime"])

    async def setup(self) -> list[str]:
        """Create the missing indexes. Return a line for each of them."""
        return await create_indexes(self._database)

    async def check(self) -> None:
        """Raise LedgerNotReady if an index is missing."""
        await check_indexes(self._database)

    async def aclose(self) -> None:
        """Close the connections in a thread, because a frozen server never answers the closing command."""
        await run_blocking(self._client.close)
