"""`Idempotency-Key`: every repeat uses the decisions of the first call, so that it is the same request (I5).

The key is looked up before the body is checked and reserved afterwards. A refused body therefore leaves the key free.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from core.ids import RequestKey
from ledger.digests import request_digests
from ledger.errors import SealingError
from ledger.idempotency_record import IdempotencyRecord
from ledger.models import StoredRequest
from ledger.ports import Ledger
from ledger.sealing import Sealer
from producer.bulk.prepare_request import PreparedRequest
from producer.errors import ConflictError
from producer.ledger_gateway import LedgerGateway
from schemas.requests import BulkRequest

DIFFERENT_REQUEST = "Idempotency-Key: was already used with another body or for another user. Use a new key."


@dataclass(frozen=True, slots=True)
class PreviousAttempt:
    """The state that earlier calls under a key left in the ledger."""

    key_record: IdempotencyRecord | None = None
    request: StoredRequest | None = None
    """The request itself. The first call may also have made it without a key."""

    @property
    def accepted_at(self) -> datetime | None:
        """Return the time at which the request was accepted, or None if it was not accepted yet."""
        if self.key_record:
            return self.key_record.accepted_at
        return self.request.header.accepted_at if self.request else None

    @property
    def template_version(self) -> int | None:
        """Return the version of the template with which the request was accepted."""
        if self.key_record:
            return self.key_record.template_version
        return self.request.header.template_version if self.request else None

    def differs_from(self, prepared: PreparedRequest) -> bool:
        """Return whether another call decided between this call's lookup and its reservation of the key."""
        return self.key_record is not None and (self.accepted_at, self.template_version) != (
            prepared.accepted_at,
            prepared.template_version,
        )

    @property
    def is_expanded(self) -> bool:
        """Return whether the whole request is in the ledger, so that nothing is left to publish."""
        return self.request is not None and self.request.all_parts_expanded


async def load_previous_attempt(gateway: LedgerGateway, key: RequestKey) -> PreviousAttempt:
    """Return the state of earlier calls under a key. Raises UnavailableError."""

    async def read_both(ledger: Ledger) -> PreviousAttempt:
        return PreviousAttempt(*await asyncio.gather(ledger.keys.get(key), ledger.requests.get(key)))

    return await gateway.query(read_both)


async def reserve_key(
    gateway: LedgerGateway, sealer: Sealer, key: RequestKey, prepared: PreparedRequest, previous: PreviousAttempt
) -> PreviousAttempt:
    """Reserve the key for a request unless it is reserved. Return the decisions that are valid from now on.

    Raises ConflictError, UnavailableError.
    """
    if previous.key_record is None and previous.request is not None:
        await check_same_request(prepared, previous.request, sealer)
    record = previous.key_record
    if record is None:
        own_record = IdempotencyRecord(
            key,
            prepared.tenant_id,
            sealer.newest,
            sealer.hash(prepared.fingerprint, sealer.newest),
            prepared.accepted_at,
            prepared.template_version,
        )
        record = await gateway.query(lambda ledger: ledger.keys.insert_or_get(own_record))
    with _report_missing_sealing_key():
        if sealer.hash(prepared.fingerprint, record.key_id) != record.digest:
            raise ConflictError(DIFFERENT_REQUEST)
    return PreviousAttempt(record, previous.request)


async def check_same_request(prepared: PreparedRequest, stored: StoredRequest, sealer: Sealer) -> None:
    """Raise ConflictError if the consumer would reject the request because another body has the same id.

    The other body may have come over Kafka, or over HTTP without a key.
    """
    for part in prepared.parts:
        request = BulkRequest.model_validate_json(part.value)
        stored_part = stored.parts.get(part.part)
        with _report_missing_sealing_key():
            shared, whole = request_digests(sealer, request, stored.header.key_id)
        if shared != stored.header.digest or (stored_part and stored_part.digest != whole):
            raise ConflictError(DIFFERENT_REQUEST)
        await asyncio.sleep(0)  # a large request has many parts, and other calls wait


@contextmanager
def _report_missing_sealing_key() -> Iterator[None]:
    """Turn a SealingError into a ConflictError. Without the key of a digest, bodies cannot be compared."""
    try:
        yield
    except SealingError:
        raise ConflictError(
            "Idempotency-Key: was used under a sealing key that this service no longer has. Use a new key."
        ) from None
