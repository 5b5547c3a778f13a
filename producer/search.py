"""From what a caller asks for to a query of the ledger. Whose things they are is never asked: the token says it."""

from collections.abc import Collection

from core.address import normalise_email, normalise_phone
from core.ids import request_key
from ledger.reading import LogQuery
from ledger.sealing import Sealer
from producer.auth import ADMIN, Caller
from producer.errors import BadRequestError
from producer.paging import Asked
from schemas.reading import LogFilters, LogSearch
from schemas.statuses import Channel


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


def recipient_hashes(search: LogSearch, sealer: Sealer, default_region: str | None) -> set[bytes]:
    """What an address may have been hashed to: as either channel reads it, under every key there is.

    An address that is none was hashed as it was given.
    """
    if search.recipient is None:
        return set()
    raw, channels = search.recipient, [search.channel] if search.channel else list(Channel)
    values = {_normalised(raw, channel, default_region) or raw for channel in channels}
    return {sealer.hash(value.encode(), key_id) for value in values for key_id in sealer.key_ids}


def _normalised(raw: str, channel: Channel, default_region: str | None) -> str | None:
    return normalise_phone(raw, default_region) if channel is Channel.SMS else normalise_email(raw)
