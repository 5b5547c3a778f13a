"""Expand: one record of the intake becomes chunks (docs/protocol.md)."""

from dataclasses import replace

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord
from consumer.expand.reject import reject_record
from consumer.expand.validate_request import validate_request, with_request_ids
from consumer.expand.write_chunks import _publish_wake_up, chunk_bounds_of, write_chunks
from consumer.kafka.record import KafkaRecord
from consumer.logger import error_location, logger
from consumer.request_cache import OpenedRequest
from consumer.request_lifecycle import apply_control_flags, complete_if_done
from core.ids import chunk_id
from ledger.digests import request_digests
from ledger.errors import SealingError
from ledger.models import Part, RequestHeader, StoredRequest
from schemas.requests import BulkRequest
from schemas.statuses import RejectionReason


async def expand(
    record: KafkaRecord, cluster: str, context: ConsumerContext, *, isolate_failures: bool = False
) -> None:
    """Expand one record; when this returns its offset may be committed.

    With `isolate_failures` a recipient that meets a fault of ours fails alone, instead of the whole part.
    """
    checked = await validate_request(record, cluster, context)
    if isinstance(checked, RejectedRecord):
        await reject_record(record, checked, context)
        return
    request, wording, header, part = checked
    stored, header, part = await _register_part(request, header, part, context)
    if refusal := _find_conflict(stored, request, header, part):
        await reject_record(record, refusal, context)
        return
    if part.number not in stored.expanded_parts:
        text = wording.template_for(stored.header, context.sealer)
        if not header.send_at:
            context.request_cache.put(OpenedRequest(stored.header, text))  # likely to be sent by this process, and soon
        await write_chunks(request, text, stored, context, isolate_failures=isolate_failures)
    after = await context.retry_until_available(
        "count", context.ledger.requests.mark_part_expanded, header.key, part.number
    )
    await _wake_last_chunk(after, after.parts[part.number], context)
    context.metrics.requests.labels("expanded").inc()
    logger.info("part expanded", request_id=header.request_id, part=part.number, recipients=part.size)


async def _wake_last_chunk(request: StoredRequest, part: Part, context: ConsumerContext) -> None:
    """Call for the last chunk of a part that is counted; where it has none, ask for the completion.

    A fault in that is not the record's: what is counted must not be refused, and the sweeper does the same.
    """
    key = request.header.key
    try:
        await apply_control_flags(key, request.control_flags, context, part.number)
        if not part.size:
            await complete_if_done(key, context)
        elif not request.completion:  # whoever closes that chunk asks for it
            *_, (first, _) = chunk_bounds_of(part)
            await _publish_wake_up(chunk_id(key, part.number, first), part, request, context)
    except Exception as error:  # noqa: BLE001  # whatever it is
        logger.error("calling failed", error=type(error).__name__, where=error_location(error))


async def _register_part(
    request: BulkRequest, header: RequestHeader, part: Part, context: ConsumerContext
) -> tuple[StoredRequest, RequestHeader, Part]:
    """Note the part, or read back why not; head and part as they compare with what stands."""
    stored = await context.retry_until_available("begin", context.ledger.requests.register_part, header, part)
    theirs = stored.header.key_id
    if theirs == header.key_id:
        return stored, header, part
    try:
        shared, whole = request_digests(context.sealer, request, theirs)
    except SealingError:
        return stored, header, part
    # Begun under another sealing key: a digest of ours says nothing beside one of that key, so neither took the part.
    header, part = replace(header, key_id=theirs, digest=shared), replace(part, digest=whole)
    return (
        await context.retry_until_available("begin again", context.ledger.requests.register_part, header, part),
        header,
        part,
    )


def _find_conflict(
    stored: StoredRequest, request: BulkRequest, mine: RequestHeader, asked: Part
) -> RejectedRecord | None:
    """Why what stands forbids this part."""
    part, header = stored.parts.get(asked.number), stored.header
    if header.key_id != mine.key_id:  # whether it is the same body cannot be told: not the caller's fault
        refusal = RejectedRecord(
            RejectionReason.UNPROCESSABLE, "this consumer lacks the sealing key of the request's first part"
        )
        return with_request_ids(request, refusal, header.correlation_id)
    if mine.digest != header.digest or (part and part.digest != asked.digest):
        refusal = RejectedRecord(RejectionReason.REQUEST_CONFLICT, "the request id was used with another body")
        return with_request_ids(request, refusal, header.correlation_id)
    if part is None or part.number in stored.lost_parts:
        refusal = RejectedRecord(
            RejectionReason.PART_REFUSED, "the part came after the last one, or too late", ("part",)
        )
        return with_request_ids(request, refusal, header.correlation_id)
    return None
