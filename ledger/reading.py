"""How deliveries are asked for, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.ids import RequestKey
from ledger.values import Log
from schemas.statuses import Channel, Status


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which deliveries of a tenant; every condition narrows. Newest requests first, within one in request order."""

    tenant_id: str
    user_id: str | None = None
    key: RequestKey | None = None
    channel: Channel | None = None
    statuses: frozenset[Status] = frozenset()
    """Empty: all."""
    reference: str | None = None
    recipient_hashes: frozenset[bytes] = frozenset()
    """Empty: all."""
    accepted_from: datetime | None = None
    accepted_before: datetime | None = None
    page: int = 1
    page_size: int = 20


@dataclass(frozen=True, slots=True)
class Page:
    """One page of deliveries. A pending one is a Log with `pending` or `scheduled`, and without a provider."""

    items: Sequence[Log]
    total: int
