"""Sends again what is unknown or failed of a request: a new request that names the old one and its logs.

What is sent is what lies sealed in the old request and its chunks. That nothing is sent twice does not hang on what is
chosen here: whoever expands the new request notes each resend on the old log first (consumer/resends).
"""

from array import array
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from core.ids import (
    ChunkId,
    RequestKey,
    chunk_id,
    decode_position,
    encode_position,
    log_id,
    position,
    request_key,
    resend_request_id,
)
from core.request_parts import EncodedPart, PartEncoder, RequestEncodingError, request_fields
from ledger.message_template import unseal_template
from ledger.models import Chunk, RequestHeader, StoredRequest
from ledger.ports import Ledger
from ledger.sealing import Sealer, open_recipients
from schemas.requests import BulkBody
from schemas.statuses import Reason, Status

NOT_RESENDABLE = frozenset({Reason.INVALID_RECIPIENT, Reason.MISSING_VARIABLE, Reason.INVALID_CONTENT})
"""Why the same would fail again."""


class ResendError(ValueError):
    """Nothing of the request can be sent again. Shows no address."""


@dataclass(frozen=True, slots=True)
class ResendSelection:
    """What of a request is to be sent again, and as which request."""

    old: StoredRequest
    request_id: str
    """Of the new request: the same for the same choice, so that a repeat is the same request."""
    places: "array[int]" = field(repr=False)
    """Which deliveries, by `core.ids.place_of`, in request order."""
    not_resendable: Mapping[Reason, int]
    """How many were left out, since the same would fail again."""
    already_resent: Mapping[RequestKey, int]
    """How many others repeat already, by the request that does."""
    already_expanded: bool = False
    """The new request is there, with all of its parts: there is nothing to publish."""


async def select_deliveries(
    ledger: Ledger, old: StoredRequest, status: Status, request_id: str | None = None
) -> ResendSelection:
    """The deliveries that have this status by now and that nobody repeats; raises ResendError.

    Those that an unfinished attempt repeats already belong to the choice when it is that attempt which is gone on with:
    by the id given, or because the choice is the same.
    """
    if old.completion is None:
        raise ResendError("is not completed yet: nothing is sent again while it may still be sent")
    if not old.header.sealed_text:
        raise ResendError("its texts and addresses are erased, their time is over")
    hopeless: Counter[Reason] = Counter()
    places: dict[RequestKey | None, array[int]] = {None: array("Q")}
    async for log in ledger.logs.iterate_request(old.header.key):
        if log.status is not status:
            continue
        if log.reason in NOT_RESENDABLE:
            hopeless[log.reason] += 1
            continue
        repeated = position(log.resent_as) if log.resent_as else None
        _, part, index = position(log.id) or (None, 0, 0)
        places.setdefault(repeated[0] if repeated else None, array("Q")).append(encode_position(part, index))
    free = places.pop(None)
    chosen, by = await _going_on(ledger, old.header, free, places, request_id)
    elsewhere = {key: len(those) for key, those in places.items() if key and (by is None or key != by.header.key)}
    name = request_id or resend_request_id(old.header.key, chosen)
    return ResendSelection(
        old, name, chosen, hopeless, elsewhere, already_expanded=by is not None and by.all_parts_expanded
    )


async def _going_on(
    ledger: Ledger,
    header: RequestHeader,
    free: "array[int]",
    repeated: Mapping[RequestKey | None, "array[int]"],
    request_id: str | None,
) -> tuple["array[int]", StoredRequest | None]:
    """The choice, and the earlier attempt that it goes on with. One that is deleted by now is not gone on with."""
    known = await ledger.requests.get_many([key for key in repeated if key])
    for key, those in repeated.items():
        attempt = known.get(key) if key else None
        if attempt is None:
            continue
        whole = array("Q", sorted((*free, *those)))
        asked = request_key(header.tenant_id, request_id) if request_id else None
        if key == asked or (not asked and resend_request_id(header.key, whole) == attempt.header.request_id):
            return whole, attempt
    return free, None


async def resend_parts(
    ledger: Ledger, sealer: Sealer, chosen: ResendSelection, *, accepted_at: datetime, expires_at: datetime | None
) -> AsyncIterator[EncodedPart]:
    """The records of the new request. Raises ResendError, and SealingError where a key is missing."""
    filling = PartEncoder(await _head(ledger, sealer, chosen, accepted_at, expires_at))
    try:
        async for recipient in _recipients(ledger, sealer, chosen):
            for part in filling.add(recipient):
                yield part
        yield filling.finish()
    except RequestEncodingError as error:
        raise ResendError(str(error)) from None


async def _head(
    ledger: Ledger, sealer: Sealer, chosen: ResendSelection, accepted_at: datetime, expires_at: datetime | None
) -> dict[str, Any]:
    """What all parts share: the text that was sent then, under the template that it was taken from."""
    old = chosen.old.header
    said = unseal_template(sealer, old)
    stored = await ledger.templates.list(old.tenant_id) if old.template_id and old.template_version else []
    code = next((template.code for template in stored if template.id == old.template_id), None)
    body = BulkBody(
        channel=old.channel,
        recipients=["anyone"],
        template=code,
        user_id=old.user_id,
        reply_topic=old.reply_topic,
        category=old.category,
        on_uncertain=old.on_uncertain,
        expires_at=expires_at,
        **said,
    )
    header = request_fields(
        body,
        tenant_id=old.tenant_id,
        user_id=old.user_id,
        request_id=chosen.request_id,
        accepted_at=accepted_at,
    )
    return {**header, "resend_of": old.request_id, **({"template_version": old.template_version} if code else {})}


async def _recipients(ledger: Ledger, sealer: Sealer, chosen: ResendSelection) -> AsyncIterator[dict[str, Any]]:
    """The chosen deliveries as recipients, opened a chunk at a time."""
    for identity, positions in _by_chunk(chosen):
        chunk = await ledger.chunks.get(identity)
        if chunk is None or not chunk.sealed:
            raise ResendError("its addresses are erased, their time is over")
        recipients = open_recipients(sealer, chunk.id, chunk.sealed)
        for index in positions:
            to, variables = recipients[index - chunk.first]
            yield _recipient(chunk, index, to, variables)


def _by_chunk(chosen: ResendSelection) -> Iterator[tuple[ChunkId, list[int]]]:
    """Each chunk with the indices of the deliveries that are chosen of it."""
    old = chosen.old

    def chunk_of(place: int) -> ChunkId:
        part, index = decode_position(place)
        return chunk_id(old.header.key, part, index - index % old.parts[part].chunk_size)

    for identity, places in groupby(chosen.places, chunk_of):
        yield identity, [decode_position(place)[1] for place in places]


def _recipient(chunk: Chunk, index: int, to: str, variables: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {"to": to, "resend_of": log_id(chunk.key, chunk.part, index)}
    if variables:
        said["variables"] = variables
    reference = chunk.references[index - chunk.first] if chunk.references else None
    return said if reference is None else {**said, "reference": reference}
