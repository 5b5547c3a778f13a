"""Protocols of the ledger. The in-memory ledger and the MongoDB ledger pass the same contract suite.

Every method may raise LedgerUnavailable. The caller may then repeat the call with the same arguments.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from core.ids import LogId, RequestKey
from core.vendor_template import NO_VENDOR_TEMPLATES, VendorTemplates
from ledger.audit_port import AuditLog
from ledger.chunk_port import Chunks
from ledger.consent_port import Consents
from ledger.erasure_port import Erasures
from ledger.idempotency_record import IdempotencyRecord
from ledger.message_counter_port import MessageCounters
from ledger.models import Log
from ledger.permit_port import Permits
from ledger.personal_data_port import PersonalData
from ledger.provider_states import ProviderStates
from ledger.queries import IdRange, LogPage, LogQuery
from ledger.receipt_effects import LogChange, MoveCounts
from ledger.receipt_port import ANY_ORIGIN, KeptReceipts, MessageOrigin
from ledger.request_port import Requests
from ledger.stored_template import StoredTemplate
from ledger.suppression_port import Suppressions
from ledger.tenant_port import Tenants
from schemas.statuses import ContentType, Status


class Logs(Protocol):
    """Delivery logs, one document each, written once. ledger/pending_logs.py shows deliveries without a log."""

    async def insert_or_get(self, logs: Sequence[Log]) -> list[Log]:
        """Write each log unless its id exists. Return the stored logs in the same order."""

    async def get_many(self, ids: Sequence[LogId]) -> dict[LogId, Log]:
        """Return those of these logs that exist, as the primary has them."""

    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None = None) -> Log | None:
        """Return one delivery of a tenant, and of a user if one is given.

        Return None if it is unknown or belongs to another tenant or user. A delivery without a log is shown from its
        open chunk.
        """

    async def find(self, query: LogQuery) -> LogPage:
        """Return a page of deliveries. A delivery without a log is shown from its open chunk."""

    async def find_first(self, ranges: Iterable[IdRange], statuses: Collection[Status], limit: int) -> list[Log]:
        """Return the first logs with these statuses in ascending ranges of ids, at most `limit`."""

    async def settle(self, changes: Sequence[LogChange]) -> set[LogId]:
        """Write what receipts changed. Return the logs that have their change, by this call or an earlier one.

        A log whose status or recipient is not the one before the change does not change.
        """

    async def find_by_message_ids(
        self, ids: Collection[str], limit: int, origin: MessageOrigin = ANY_ORIGIN
    ) -> list[Log]:
        """Return logs that have one of these message ids, in a form of `ledger.message_ids`, at most `limit`."""

    async def find_by_message_ids_and_hashes(
        self, ids: Collection[str], recipient_hashes: Collection[bytes], limit: int, origin: MessageOrigin = ANY_ORIGIN
    ) -> list[Log]:
        """Return those of them that are to one of these recipients, at most `limit`."""

    async def find_tenants(self, provider: str, recipient_hashes: Collection[bytes]) -> list[str]:
        """Return each tenant with a log to a recipient over a provider of the installation, in no order."""

    async def count_moves(self, key: RequestKey) -> MoveCounts:
        """Return the number of logs of a request that receipts moved. It does not read the other logs."""

    async def find_moved(self, key: RequestKey, statuses: Collection[Status], limit: int) -> list[Log]:
        """Return the first logs of a request that receipts moved to one of these statuses, at most `limit`."""

    async def reserve_resends(self, tenant_id: str, resends: Mapping[LogId, LogId]) -> set[LogId]:
        """Note on each log (key) the delivery that repeats it (value). Return the logs that have this note.

        The note is written if the log is unknown or failed, is not erased, and has no note yet. It never changes. If
        many requests repeat a delivery, only one of them gets the note. A repeat of this call returns the same result.
        """

    async def count_resends(self, key: RequestKey) -> Mapping[RequestKey, int]:
        """Return how many deliveries of a request each later request repeats."""

    def iterate_request(self, key: RequestKey) -> AsyncIterator[Log]:
        """Yield every log of a request, in request order."""


class Retention(Protocol):
    """Erasure and deletion of old requests, in bounded batches. Repeat a call until it returns 0.

    Only requests with a published completion are changed. Any process may repeat any step.
    """

    async def erase(self, *, after: timedelta, limit: int) -> int:
        """Erase the sealed data of a request that was completed at least `after` ago.

        Erase up to `limit` chunks, or the text of the request after its last chunk. Return the number of changed
        documents.
        """

    async def delete(self, *, after: timedelta, limit: int) -> int:
        """Delete a request that was completed at least `after` ago.

        Delete up to `limit` logs, then chunks, then the request. Return the number of deleted documents.
        """


class Templates(Protocol):
    """Templates, one document for each version."""

    async def put(  # noqa: PLR0913  # the fields of a version
        self,
        tenant_id: str,
        code: str,
        content: str,
        subject: str | None,
        content_type: ContentType | None = None,
        *,
        secret_variables: Sequence[str] = (),
        vendor_templates: VendorTemplates = NO_VENDOR_TEMPLATES,
    ) -> StoredTemplate:
        """Store a new version, numbered from 1, and return it.

        If all of these are the same in the newest version, change nothing and return the newest version.
        """

    async def get(self, tenant_id: str, code: str, version: int | None = None) -> StoredTemplate | None:
        """Return a version, by default the newest. Return None if the tenant does not have it."""

    async def list(self, tenant_id: str) -> list[StoredTemplate]:
        """Return the newest version of each template of a tenant, by code."""


class IdempotencyKeys(Protocol):
    """Idempotency keys, one document each, kept for longer than the intake keeps a record."""

    async def insert_or_get(self, record: IdempotencyRecord) -> IdempotencyRecord:
        """Store the record unless its key exists. Return the stored record."""

    async def get(self, key: RequestKey) -> IdempotencyRecord | None:
        """Return the record of a key as the primary has it."""


class Ledger(Protocol):
    """Ledger of requests, chunks and logs, with its templates, idempotency keys, kept receipts and permits."""

    @property
    def requests(self) -> Requests:
        """Return the requests."""

    @property
    def chunks(self) -> Chunks:
        """Return the chunks."""

    @property
    def logs(self) -> Logs:
        """Return the delivery logs."""

    @property
    def retention(self) -> Retention:
        """Return the erasure and deletion of old requests."""

    @property
    def templates(self) -> Templates:
        """Return the templates."""

    @property
    def keys(self) -> IdempotencyKeys:
        """Return the idempotency keys."""

    @property
    def provider_states(self) -> ProviderStates:
        """Return the states of the providers."""

    @property
    def receipts(self) -> KeptReceipts:
        """Return the receipts that match no log yet."""

    @property
    def permits(self) -> Permits:
        """Return the permits of the limits across all processes."""

    @property
    def tenants(self) -> Tenants:
        """Return the settings of tenants."""

    @property
    def consents(self) -> Consents:
        """Return the recorded consents."""

    @property
    def message_counters(self) -> MessageCounters:
        """Return the counters of the messages to recipients."""

    @property
    def suppressions(self) -> Suppressions:
        """Return the addresses that must not be written to."""

    @property
    def erasures(self) -> Erasures:
        """Return the orders to erase the data of persons."""

    @property
    def personal_data(self) -> PersonalData:
        """Return the writes that erase the data of persons."""

    @property
    def audit(self) -> AuditLog:
        """Return the audit log."""

    def now(self) -> datetime:
        """Return the best estimate of the server's time. It does not follow the clock of this machine."""

    async def setup(self) -> list[str]:
        """Create the missing indexes. Return a line for each of them."""

    async def check(self) -> None:
        """Raise LedgerNotReady if an index is missing."""

    async def ping(self) -> None:
        """Return as soon as the primary answers."""

    async def aclose(self) -> None:
        """Close the connections."""
