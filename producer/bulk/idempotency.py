"""`Idempotency-Key`: what the first call decided, every repeat decides again, so that it is the same request (I5).

A key is looked up before the body is checked and taken after it, so that a body that is refused leaves the key free.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from core.ids import RequestKey
from ledger.digests import request_digests
from ledger.errors import SealingError
from ledger.models import IdempotencyRecord, StoredRequest
from ledger.ports import Ledger
from ledger.sealing import Sealer
from producer.bulk.prepare_request import PreparedRequest
from producer.errors import ConflictError
from producer.ledger_gateway import LedgerGateway
from schemas.requests import BulkRequest

OTHER = "Idempotency-Key: was used with another body, or for another user"


@dataclass(frozen=True, slots=True)
class PreviousAttempt:
    """What the ledger knows of earlier calls under a key."""

    taken: IdempotencyRecord | None = None
    request: StoredRequest | None = None
    """The request itself, which the first call may also have made without a key."""

    @property
    def accepted_at(self) -> datetime | None:
        """When the request was accepted; None: it was not yet."""
        if self.taken:
            return self.taken.accepted_at
        return self.request.header.accepted_at if self.request else None

    @property
    def template_version(self) -> int | None:
        """Which version of its template it was accepted with."""
        if self.taken:
            return self.taken.template_version
        return self.request.header.template_version if self.request else None

    def differs_from(self, order: PreparedRequest) -> bool:
        """Whether another call decided, between this one's look at the ledger and its taking the key."""
        return self.taken is not None and (self.accepted_at, self.template_version) != (
            order.accepted_at,
            order.template_version,
        )

    @property
    def is_expanded(self) -> bool:
        """Whether all of it is in the ledger, so that there is nothing left to publish."""
        return self.request is not None and self.request.all_parts_expanded


async def load_previous_attempt(archive: LedgerGateway, key: RequestKey) -> PreviousAttempt:
    """What is known of a key; raises UnavailableError."""

    async def both(ledger: Ledger) -> PreviousAttempt:
        return PreviousAttempt(*await asyncio.gather(ledger.keys.get(key), ledger.requests.get(key)))

    return await archive.query(both)


async def reserve_key(
    archive: LedgerGateway, sealer: Sealer, key: RequestKey, order: PreparedRequest, past: PreviousAttempt
) -> PreviousAttempt:
    """Take the key for an order unless it is taken; what stands. Raises ConflictError, UnavailableError."""
    if past.taken is None and past.request is not None:
        await check_same_request(order, past.request, sealer)
    digest = sealer.hash(order.fingerprint, sealer.newest)
    mine = IdempotencyRecord(key, order.tenant_id, sealer.newest, digest, order.accepted_at, order.template_version)
    stands = past.taken
    if stands is None:
        stands = await archive.query(lambda ledger: ledger.keys.insert_or_get(mine))
    with _knowing_keys():
        if sealer.hash(order.fingerprint, stands.key_id) != stands.digest:
            raise ConflictError(OTHER)
    return PreviousAttempt(stands, past.request)


async def check_same_request(order: PreparedRequest, stands: StoredRequest, sealer: Sealer) -> None:
    """Raise ConflictError where the consumer would refuse the order, for another body came under this id before.

    That one may have come over Kafka, or over HTTP without a key.
    """
    for part in order.parts:
        request = BulkRequest.model_validate_json(part.value)
        known = stands.parts.get(part.part)
        with _knowing_keys():
            shared, whole = request_digests(sealer, request, stands.header.key_id)
        if shared != stands.header.digest or (known and known.digest != whole):
            raise ConflictError(OTHER)
        await asyncio.sleep(0)  # a large order has many parts, and others wait


@contextmanager
def _knowing_keys() -> Iterator[None]:
    """Whether it is the same body cannot be told without the key that its digest was made with."""
    try:
        yield
    except SealingError:
        raise ConflictError(
            "Idempotency-Key: was used under a sealing key that this service no longer has; use another"
        ) from None
