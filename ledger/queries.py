"""How deliveries and requests are asked for, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from core.ids import RequestKey
from ledger.models import Log, StoredRequest
from schemas.statuses import Channel, Status


class ListPosition(NamedTuple):
    """Where something stands in the order of every list: newest acceptance first, within one moment by id.

    Neither ever changes, so what is accepted meanwhile moves no place.
    """

    at: datetime
    """When its request was accepted."""
    id: str

    def comes_before(self, other: "ListPosition") -> bool:
        """Whether it comes before another place."""
        return self.at > other.at or (self.at == other.at and self.id < other.id)


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
    after: ListPosition | None = None
    """Only what stands behind this place, which need not exist; it does not change what is counted."""
    page: int = 1
    page_size: int = 20
    count_limit: int | None = None
    """The total need not be right beyond this; 0: nothing is counted; None: all is."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of deliveries. A pending one is a Log with `pending` or `scheduled`, and without a provider."""

    items: Sequence[Log]
    total: int
    has_more: bool = False
    """Whether something stands behind the last item."""
    total_is_exact: bool = True
    """Whether all were counted; otherwise there are at least so many."""


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """Which requests of a tenant, newest first; the fields mean what they mean for deliveries."""

    tenant_id: str
    user_id: str | None = None
    after: ListPosition | None = None
    page: int = 1
    page_size: int = 20
    count_limit: int | None = None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One page of requests."""

    items: Sequence[StoredRequest]
    total: int
    has_more: bool = False
    total_is_exact: bool = True


def position_of_log(log: Log) -> ListPosition:
    """Where a delivery stands."""
    return ListPosition(log.created_at, log.id)


def position_of_request(request: StoredRequest) -> ListPosition:
    """Where a request stands."""
    return ListPosition(request.header.accepted_at, request.header.key)


def counted(total: int, count_to: int | None) -> tuple[int, bool]:
    """How many were counted where there are so many, and whether these are all."""
    return (total, True) if count_to is None or total < count_to else (count_to, False)
