"""Query of the ledger from the filters of a caller. The tenant and the user always come from the token."""

from collections.abc import Collection

from core.ids import RequestKey, request_key
from ledger.models import StoredRequest
from ledger.ports import Ledger
from ledger.queries import LogQuery
from producer.auth.token_verifier import ADMIN, Principal
from producer.errors import BadRequestError, NotFoundError
from producer.read.pagination import PageRequest
from schemas.query_parameters import LogFilters, LogSearch

NO_REQUEST = "request not found. A request is visible after a consumer has expanded it."


def visible_user(principal: Principal) -> str | None:
    """Return the user whose data the caller may see, or None for all users of the tenant (admin)."""
    return None if principal.may(ADMIN) else principal.user_id


async def read_own_request(ledger: Ledger, principal: Principal, key: RequestKey) -> StoredRequest:
    """Read a request that the caller may see.

    Raises NotFoundError. A request of another user gets the same answer as one that does not exist.
    """
    request = await ledger.requests.get(key)
    if request is None or visible_user(principal) not in (None, request.header.user_id):
        raise NotFoundError(NO_REQUEST)
    return request


def log_query(
    principal: Principal, filters: LogFilters | LogSearch, page: PageRequest, hashes: Collection[bytes] = ()
) -> LogQuery:
    """Return the query for the deliveries that match the filters. Raises BadRequestError."""
    start, end = filters.accepted_from, filters.accepted_before
    if start and end and end <= start:
        raise BadRequestError("to: must be after `from`")
    return LogQuery(
        tenant_id=principal.tenant_id,
        user_id=visible_user(principal),
        key=request_key(principal.tenant_id, filters.request_id) if filters.request_id is not None else None,
        channel=filters.channel,
        statuses=frozenset(filters.status),
        reference=filters.reference,
        recipient_hashes=frozenset(hashes),
        accepted_from=start,
        accepted_before=end,
        after=page.after,
        page=page.number,
        page_size=page.size,
        count_limit=page.count_to,
    )
