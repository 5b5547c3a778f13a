"""Queries for deliveries and requests, and the pages that they return."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from core.ids import LogId, RequestKey
from ledger.models import Log, StoredRequest
from schemas.statuses import Channel, Status

IdRange = tuple[LogId, LogId]
"""Range of log ids, without its end."""


class ListPosition(NamedTuple):
    """Position of an item in every list: by acceptance time, newest first, then by id.

    Neither of them changes, so that an item which is accepted later does not move any position.
    """

    at: datetime
    """Time when the request was accepted."""
    id: str

    def comes_before(self, other: "ListPosition") -> bool:
        """Return whether this position comes before another one."""
        return self.at > other.at or (self.at == other.at and self.id < other.id)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Query for deliveries of a tenant. All conditions must match.

    The newest requests come first. Deliveries of a request are in request order.
    """

    tenant_id: str
    user_id: str | None = None
    key: RequestKey | None = None
    channel: Channel | None = None
    statuses: frozenset[Status] = frozenset()
    """Empty: no condition."""
    reference: str | None = None
    recipient_hashes: frozenset[bytes] = frozenset()
    """Empty: no condition."""
    tried_only: bool = False
    """True for pending deliveries that were tried and will be tried again. It is used with the status `pending` alone.
    """
    accepted_from: datetime | None = None
    accepted_before: datetime | None = None
    after: ListPosition | None = None
    """Return only deliveries after this position. No item needs to have it. It does not change the total."""
    page: int = 1
    page_size: int = 20
    count_limit: int | None = None
    """Limit of the count. 0: no count. None: count all."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Page of deliveries. A pending delivery is a Log with status `pending` or `scheduled`."""

    items: Sequence[Log]
    total: int
    has_more: bool = False
    """True if there are items after the last one of the page."""
    total_is_exact: bool = True
    """True if all items were counted. Otherwise the total is a minimum."""


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """Query for requests of a tenant, newest first. See LogQuery for the fields."""

    tenant_id: str
    user_id: str | None = None
    after: ListPosition | None = None
    page: int = 1
    page_size: int = 20
    count_limit: int | None = None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Page of requests. See LogPage for the fields."""

    items: Sequence[StoredRequest]
    total: int
    has_more: bool = False
    total_is_exact: bool = True


def position_of_log(log: Log) -> ListPosition:
    """Return the position of a delivery."""
    return ListPosition(log.created_at, log.id)


def position_of_request(request: StoredRequest) -> ListPosition:
    """Return the position of a request."""
    return ListPosition(request.header.accepted_at, request.header.key)


def counted(total: int, count_limit: int | None) -> tuple[int, bool]:
    """Return the total up to the limit, and whether it is exact."""
    return (total, True) if count_limit is None or total < count_limit else (count_limit, False)
