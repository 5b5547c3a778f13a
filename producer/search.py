"""From what a caller asks for to a query of the ledger. Whose things they are is never asked: the token says it."""

from collections.abc import Collection

from core.ids import request_key
from ledger.reading import LogQuery
from producer.auth import ADMIN, Caller
from producer.errors import BadRequestError
from producer.paging import Asked
from schemas.reading import LogFilters, LogSearch


def own_user(caller: Caller) -> str | None:
    """Whose things the caller sees: their own, or with admin everybody's of the tenant."""
    return None if caller.may(ADMIN) else caller.user_id


def log_query(caller: Caller, asks: LogFilters | LogSearch, page: Asked, hashes: Collection[bytes] = ()) -> LogQuery:
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
        count_to=page.count_to,
    )
