"""Expand: one record of the intake becomes chunks (docs/protocol.md)."""

from dataclasses import replace

from consumer.context import Tools
from consumer.events import Refusal
from consumer.expand.reject import refuse
from consumer.expand.validate_request import _check, about
from consumer.expand.write_chunks import _wake, _write_chunks, bounds_of
from consumer.kafka.record import Incoming
from consumer.logger import log, where
from consumer.request_cache import Opened
from consumer.request_lifecycle import complete, mark
from core.ids import chunk_id
from ledger.digests import request_digests
from ledger.errors import SealingError
from ledger.models import Part, RequestHeader, StoredRequest
from schemas.requests import BulkRequest
from schemas.statuses import RejectionReason


async def expand(record: Incoming, cluster: str, tools: Tools, *, sparing: bool = False) -> None:
    """Expand one record; when this returns its offset may be committed.

    With `sparing` a recipient that meets a fault of ours fails alone, instead of the whole part.
    """
    checked = await _check(record, cluster, tools)
    if isinstance(checked, Refusal):
        await refuse(record, checked, tools)
        return
    request, wording, head, part = checked
    stands, head, part = await _begin(request, head, part, tools)
    if refusal := _conflict(stands, request, head, part):
        await refuse(record, refusal, tools)
        return
    if part.number not in stands.expanded_parts:
        text = wording.text_of(stands.header, tools.sealer)
        if not head.send_at:
            tools.requests.put(Opened(stands.header, text))  # likely to be sent by this process, and soon
        await _write_chunks(request, text, stands, tools, sparing=sparing)
    after = await tools.lasting(lambda: tools.ledger.requests.mark_part_expanded(head.key, part.number), "count")
    await _call_last(after, after.parts[part.number], tools)
    tools.metrics.requests.labels("expanded").inc()
    log.info("part expanded", request_id=head.request_id, part=part.number, recipients=part.size)


async def _call_last(request: StoredRequest, part: Part, tools: Tools) -> None:
    """Call for the last chunk of a part that is counted; where it has none, ask for the completion.

    A fault in that is not the record's: what is counted must not be refused, and the sweeper does the same.
    """
    key = request.header.key
    try:
        await mark(key, request.control_flags, tools, part.number)
        if not part.size:
            await complete(key, tools)
        elif not request.completion:  # whoever closes that chunk asks for it
            *_, (first, _) = bounds_of(part)
            await _wake(chunk_id(key, part.number, first), part, request, tools)
    except Exception as error:  # noqa: BLE001  # whatever it is
        log.error("calling failed", error=type(error).__name__, where=where(error))


async def _begin(
    request: BulkRequest, head: RequestHeader, part: Part, tools: Tools
) -> tuple[StoredRequest, RequestHeader, Part]:
    """Note the part, or read back why not; head and part as they compare with what stands."""
    stands = await tools.lasting(lambda: tools.ledger.requests.register_part(head, part), "begin")
    theirs = stands.header.key_id
    if theirs == head.key_id:
        return stands, head, part
    try:
        shared, whole = request_digests(tools.sealer, request, theirs)
    except SealingError:
        return stands, head, part
    # Begun under another sealing key: a digest of ours says nothing beside one of that key, so neither took the part.
    head, part = replace(head, key_id=theirs, digest=shared), replace(part, digest=whole)
    return await tools.lasting(lambda: tools.ledger.requests.register_part(head, part), "begin again"), head, part


def _conflict(stands: StoredRequest, request: BulkRequest, mine: RequestHeader, asked: Part) -> Refusal | None:
    """Why what stands forbids this part."""
    part, head = stands.parts.get(asked.number), stands.header
    if head.key_id != mine.key_id:  # whether it is the same body cannot be told: not the caller's fault
        refusal = Refusal(
            RejectionReason.UNPROCESSABLE, "this consumer lacks the sealing key of the request's first part"
        )
        return about(request, refusal, head.correlation_id)
    if mine.digest != head.digest or (part and part.digest != asked.digest):
        refusal = Refusal(RejectionReason.REQUEST_CONFLICT, "the request id was used with another body")
        return about(request, refusal, head.correlation_id)
    if part is None or part.number in stands.lost_parts:
        refusal = Refusal(RejectionReason.PART_REFUSED, "the part came after the last one, or too late", ("part",))
        return about(request, refusal, head.correlation_id)
    return None
