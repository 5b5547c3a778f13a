"""From what a caller asks for to a query of the ledger. Whose things they are is never asked: the token says it."""

from collections.abc import Collection

from core.ids import RequestKey, request_key
from ledger.models import StoredRequest
from ledger.ports import Ledger
from ledger.queries import LogQuery
from producer.auth.token_verifier import ADMIN, Principal
from producer.errors import BadRequestError, NotFoundError
from producer.read.pagination import PageRequest
from schemas.read_requests import LogFilters, LogSearch

NO_REQUEST = "there is no such request, or not yet: one is known once a consumer has taken it up"


def own_user(caller: Principal) -> str | None:
    """Whose things the caller sees: their own, or with admin everybody's of the tenant."""
    return None if caller.may(ADMIN) else caller.user_id


async def read_own_request(ledger: Ledger, caller: Principal, key: RequestKey) -> StoredRequest:
    """Read a request that the caller may see.

    Raises NotFoundError. A request of another user gets the same answer as one that does not exist.
    """
    found = await ledger.requests.get(key)
    if found is None or own_user(caller) not in (None, found.header.user_id):
        raise NotFoundError(NO_REQUEST)
    return found


def log_query(
    caller: Principal, asks: LogFilters | LogSearch, page: PageRequest, hashes: Collection[bytes] = ()
) -> LogQuery:
    """The deliveries that are asked for; raises BadRequestError."""
    start, end = asks.accepted_from, asks.accepted_before
    if start and end and end <= start:
        raise BadRequestError("to: is not after from")
    return LogQuery(
        tenant_id=caller.tenant_id,
        user_id=own_user(caller),
        key=request_key(caller.tenant_id, asks.request_id) if asks.request_id is not None else None,
        channel=asks.channel,
        statuses=frozenset(asks.status),
        reference=asks.reference,
        recipient_hashes=frozenset(hashes),
        accepted_from=start,
        accepted_before=end,
        after=page.after,
        page=page.number,
        page_size=page.size,
        count_limit=page.count_to,
    )
