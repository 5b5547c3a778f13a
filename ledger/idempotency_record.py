"""Record of a call with an `Idempotency-Key`."""

from dataclasses import dataclass
from datetime import datetime

from core.ids import RequestKey


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """Decisions about the first call with an `Idempotency-Key`. A repeat of the call uses them again."""

    key: RequestKey
    """Key of the request that the `Idempotency-Key` names."""
    tenant_id: str
    key_id: str
    """Id of the sealing key of the digest."""
    digest: bytes
    """Keyed digest of the body and of the caller."""
    accepted_at: datetime
    template_version: int | None = None
    """Version of the template of the request. None: the request names no template."""
    created_at: datetime | None = None
    """Time of the first call, on the clock of the server. The ledger sets it."""
