"""Selection of unknown or failed deliveries of a request, and the new request that sends them again.

The new request names the old one and its logs. Its texts and addresses come from the sealed data of the old request.
The selection does not prevent duplicates. The consumer that expands the new request does: it first notes each resend on
the old log (consumer/expand/exclusions.py).
"""

from array import array
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from pydantic import ValidationError

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
from ledger.chunk_recipients import ChunkRecipient, open_recipients
from ledger.models import Chunk, RequestHeader, StoredRequest
from ledger.personal_data_port import is_erased
from ledger.ports import Ledger
from ledger.sealed_text import open_template, type_to_repeat, unseal_template
from ledger.sealing import Sealer
from schemas.requests import BulkBody
from schemas.statuses import Reason, Status
from schemas.validation_errors import read_problems
from schemas.variables import MAX_SECRET_VARIABLES

NOT_RESENDABLE = frozenset({Reason.INVALID_RECIPIENT, Reason.MISSING_VARIABLE, Reason.INVALID_CONTENT, Reason.ERASED})
"""Reasons with which the same delivery would fail again, or has no address any more."""


class ResendError(ValueError):
    """Request that cannot be sent again. The message shows no address."""


@dataclass(frozen=True, slots=True)
class ResendSelection:
    """Deliveries of a request to send again, and the id of the new request."""

    old: StoredRequest
    request_id: str
    """Id of the new request. The same selection has the same id, so that a repeat is the same request."""
    places: "array[int]" = field(repr=False)
    """Positions of the deliveries in request order, encoded by `core.ids.encode_position`."""
    not_resendable: Mapping[Reason, int]
    """Number of deliveries left out because they would fail again, by reason."""
    already_resent: Mapping[RequestKey, int]
    """Number of deliveries that another request repeats already, by the key of that request."""
    already_expanded: bool = False
    """True if the new request exists with all of its parts, so that nothing needs to be published."""


async def select_deliveries(
    ledger: Ledger, old: StoredRequest, status: Status, request_id: str | None = None
) -> ResendSelection:
    """Return the deliveries that have this status now and that no request repeats. Raise ResendError.

    A repeat may continue an unfinished earlier attempt: the caller gives its id, or the selection is the same. The
    deliveries of that attempt are then selected too.
    """
    if old.completion is None:
        raise ResendError("is not completed yet. Wait until it is completed, or cancel it first")
    if not old.header.sealed_text:
        raise ResendError("its texts and addresses are erased, on request or because their retention time is over")
    not_resendable: Counter[Reason] = Counter()
    by_repeating_request: dict[RequestKey | None, array[int]] = {None: array("Q")}
    async for log in ledger.logs.iterate_request(old.header.key):
        if log.status is not status:
            continue
        reason = Reason.ERASED if is_erased(log.recipient) else log.reason
        if reason in NOT_RESENDABLE:
            not_resendable[reason] += 1
            continue
        resend = position(log.resent_as) if log.resent_as else None
        _, part, index = position(log.id) or (None, 0, 0)
        by_repeating_request.setdefault(resend[0] if resend else None, array("Q")).append(encode_position(part, index))
    free = by_repeating_request.pop(None)
    selected, earlier = await _continue_attempt(ledger, old.header, free, by_repeating_request, request_id)
    if selected:
        _require_secret_values(old.header)
    already_resent = {
        key: len(positions)
        for key, positions in by_repeating_request.items()
        if key and (earlier is None or key != earlier.header.key)
    }
    return ResendSelection(
        old,
        request_id or resend_request_id(old.header.key, selected),
        selected,
        not_resendable,
        already_resent,
        already_expanded=earlier is not None and earlier.all_parts_expanded,
    )


def _require_secret_values(header: RequestHeader) -> None:
    """Raise ResendError if the completion of the request erased the values of its secret variables."""
    if names := header.erasable_variables:
        raise ResendError(
            f"the values of its secret variables are erased: {', '.join(names)}. Send the message with new values as a "
            "new request. If deliveries must be resent, give keep_secret_variables in the first request"
        )


async def _continue_attempt(
    ledger: Ledger,
    header: RequestHeader,
    free: "array[int]",
    repeated: Mapping[RequestKey | None, "array[int]"],
    request_id: str | None,
) -> tuple["array[int]", StoredRequest | None]:
    """Return the selection and the earlier attempt that it continues. A deleted attempt is not continued."""
    attempts = await ledger.requests.get_many([key for key in repeated if key])
    for key, positions in repeated.items():
        attempt = attempts.get(key) if key else None
        if attempt is None:
            continue
        selected = array("Q", sorted((*free, *positions)))
        given = request_key(header.tenant_id, request_id) if request_id else None
        if key == given or (not given and resend_request_id(header.key, selected) == attempt.header.request_id):
            return selected, attempt
    return free, None


async def resend_parts(
    ledger: Ledger, sealer: Sealer, selection: ResendSelection, *, accepted_at: datetime, expires_at: datetime | None
) -> AsyncIterator[EncodedPart]:
    """Yield the records of the new request. Raise ResendError, or SealingError if a key is missing."""
    try:
        encoder = PartEncoder(await _request_fields(ledger, sealer, selection, accepted_at, expires_at))
        async for recipient in _recipients(ledger, sealer, selection):
            for part in encoder.add(recipient):
                yield part
        yield encoder.finish()
    except RequestEncodingError as error:
        raise ResendError(str(error)) from None
    except ValidationError as error:  # An older version accepted texts and variables beyond the limits of today.
        problem = read_problems(error)[0]
        raise ResendError(f"{problem.location[0]}: {problem.phrase}" if problem.location else problem.phrase) from None


async def _request_fields(
    ledger: Ledger, sealer: Sealer, selection: ResendSelection, accepted_at: datetime, expires_at: datetime | None
) -> dict[str, Any]:
    """Return the fields that all parts share, with the text, the addresses and the template of the old request."""
    old = selection.old.header
    _require_secret_values(old)
    text, used = unseal_template(sealer, old), open_template(sealer, old)
    secret = [name for name in old.secret_variables or () if used.find_unused([name]) is None]
    secret = secret[:MAX_SECRET_VARIABLES]  # Those of the template come last, and the new request adds them again.
    templates = await ledger.templates.list(old.tenant_id) if old.template_id and old.template_version else []
    code = next((template.code for template in templates if template.id == old.template_id), None)
    body = BulkBody(
        channel=old.channel,
        recipients=["placeholder"],
        template=code,
        user_id=old.user_id,
        reply_topic=old.reply_topic,
        category=old.category,
        list=old.mailing_list,
        on_uncertain=old.on_uncertain,
        expires_at=expires_at,
        content_type=type_to_repeat(old, text["content"]),
        region=old.region,
        provider=old.provider,
        secret_variables=secret or None,
        keep_secret_variables=old.keep_secret_variables,
        **text,
    )
    fields = request_fields(
        body,
        tenant_id=old.tenant_id,
        user_id=old.user_id,
        request_id=selection.request_id,
        accepted_at=accepted_at,
    )
    return {**fields, "resend_of": old.request_id, **({"template_version": old.template_version} if code else {})}


async def _recipients(ledger: Ledger, sealer: Sealer, selection: ResendSelection) -> AsyncIterator[dict[str, Any]]:
    """Yield the selected deliveries as recipients. Open one chunk at a time."""
    for id_, indices in _by_chunk(selection):
        chunk = await ledger.chunks.get(id_)
        if chunk is None or not chunk.sealed:
            raise ResendError("its addresses are erased because their retention time is over")
        recipients = open_recipients(sealer, chunk.id, chunk.sealed)
        for index in indices:
            yield _recipient(chunk, index, recipients[index - chunk.first])


def _by_chunk(selection: ResendSelection) -> Iterator[tuple[ChunkId, list[int]]]:
    """Yield each chunk with the indices of its selected deliveries."""
    old = selection.old

    def chunk_of(encoded: int) -> ChunkId:
        part, index = decode_position(encoded)
        return chunk_id(old.header.key, part, index - index % old.parts[part].chunk_size)

    for id_, positions in groupby(selection.places, chunk_of):
        yield id_, [decode_position(encoded)[1] for encoded in positions]


def _recipient(chunk: Chunk, index: int, recipient: ChunkRecipient) -> dict[str, Any]:
    fields: dict[str, Any] = {"to": recipient.to, "resend_of": log_id(chunk.key, chunk.part, index)}
    if recipient.variables:
        fields["variables"] = recipient.variables
    if recipient.timezone is not None:
        fields["timezone"] = recipient.timezone
    reference = chunk.references[index - chunk.first] if chunk.references else None
    return fields if reference is None else {**fields, "reference": reference}
