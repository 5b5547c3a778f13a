"""Expansion of one request record into chunks (docs/protocol.md)."""

from dataclasses import replace

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord
from consumer.expand.reject import reject_record
from consumer.expand.small_requests import accept_small
from consumer.expand.validate_request import ValidRequest, validate_request, with_request_ids
from consumer.expand.write_chunks import publish_accepted, wake_last_chunk, write_chunks
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from ledger.digests import request_digests
from ledger.errors import SealingError
from ledger.models import StoredRequest
from schemas.statuses import RejectionReason


async def expand(
    record: KafkaRecord, cluster: str, context: ConsumerContext, *, isolate_failures: bool = False
) -> None:
    """Expand one record. Its offset may be committed when this returns.

    With `isolate_failures` a recipient that causes an internal error fails alone. Otherwise the whole part fails.
    """
    request = await validate_request(record, cluster, context)
    if isinstance(request, RejectedRecord):
        await reject_record(record, request, context)
        return
    small = await accept_small(request, len(record.value or b""), context, isolate_failures=isolate_failures)
    if small or await _expand_by_steps(record, request, context, isolate_failures=isolate_failures):
        context.metrics.requests.labels("expanded").inc()
        header, part = request.header, request.part
        logger.info("part expanded", request_id=header.request_id, part=part.number, recipients=part.size)


async def _expand_by_steps(
    record: KafkaRecord, request: ValidRequest, context: ConsumerContext, *, isolate_failures: bool
) -> bool:
    """Register the part, write its chunks, and mark it as expanded. Return False if it was rejected."""
    request, stored = await register_part(request, context)
    if conflict := find_conflict(stored, request):
        await reject_record(record, conflict, context)
        return False
    number = request.part.number
    if number not in stored.expanded_parts:
        await write_chunks(request, stored, context, isolate_failures=isolate_failures)
    elif stored.holds_chunk and not stored.completion:  # it was written before request.accepted was published
        await publish_accepted(stored.header, stored.parts[number], context)
    expanded = await mark_part_expanded(request, context)
    await wake_last_chunk(expanded, number, context)
    return True


async def register_part(request: ValidRequest, context: ConsumerContext) -> tuple[ValidRequest, StoredRequest]:
    """Store the part unless the stored request excludes it. Return both in a form that can be compared.

    Digests of two sealing keys cannot be compared. If the request was begun under another key, nothing is stored at
    first. The part is then registered again with digests of that key.
    """
    register = context.ledger.requests.register_part
    stored = await context.retry_until_available("register part", register, request.header, request.part)
    key_id = stored.header.key_id
    if key_id == request.header.key_id:
        return request, stored
    try:
        header_digest, part_digest = request_digests(context.sealer, request.body, key_id)
    except SealingError:
        return request, stored
    header = replace(request.header, key_id=key_id, digest=header_digest)
    request = replace(request, header=header, part=replace(request.part, digest=part_digest))
    stored = await context.retry_until_available("register part again", register, request.header, request.part)
    return request, stored


def find_conflict(stored: StoredRequest, request: ValidRequest) -> RejectedRecord | None:
    """Return the rejection if the stored request excludes this part."""
    header, part = stored.header, stored.parts.get(request.part.number)
    if header.key_id != request.header.key_id:  # the digests cannot be compared, and the caller did nothing wrong
        rejection = RejectedRecord(
            RejectionReason.UNPROCESSABLE,
            "record: cannot be processed. The sealing key of the request's first part is missing.",
            is_garbage=True,
        )
    elif header.digest != request.header.digest or (part and part.digest != request.part.digest):
        rejection = RejectedRecord(
            RejectionReason.REQUEST_CONFLICT, "request_id: was already used with another body. Use a new request id."
        )
    elif part is None or part.number in stored.lost_parts:
        rejection = RejectedRecord(
            RejectionReason.PART_REFUSED, "part: arrived after the last part, or too late", ("part",)
        )
    else:
        return None
    return with_request_ids(request.body, rejection, header.correlation_id)


async def mark_part_expanded(request: ValidRequest, context: ConsumerContext) -> StoredRequest:
    """Record that all chunks of the part are written. Return the request with its control flags."""
    return await context.retry_until_available(
        "mark part expanded", context.ledger.requests.mark_part_expanded, request.header.key, request.part.number
    )
