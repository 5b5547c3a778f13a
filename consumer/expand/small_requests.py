"""Acceptance of a small request: the request and its only chunk are one document, which is born claimed."""

from consumer.context import ConsumerContext
from consumer.expand.check_recipients import RecipientChecker
from consumer.expand.exclusions import ExclusionScope, apply_exclusions
from consumer.expand.large_records import LARGE_BYTES
from consumer.expand.validate_request import ValidRequest
from consumer.expand.write_chunks import build_chunk, is_small, publish_accepted, wake_last_chunk
from consumer.request_cache import OpenedRequest
from ledger.claims import ClaimRequest, ClaimResult
from ledger.message_template import MessageTemplate
from ledger.models import Chunk, StoredRequest


async def accept_small(request: ValidRequest, size: int, context: ConsumerContext, *, isolate_failures: bool) -> bool:
    """Write a small request with its chunk, and work on it in this process if a slot is free.

    `size` is that of the record in bytes. Return False if the request must be expanded step by step: it is not small,
    is scheduled, repeats deliveries of another request, or exists.
    """
    template = request.content.text
    header, part = request.header, request.part
    if template is None or size > LARGE_BYTES or not is_small(part) or not part.size:
        return False
    if header.send_at or header.resend_of or any(getattr(each, "resend_of", None) for each in request.body.recipients):
        return False
    chunk = await _build(request, template, context, isolate_failures=isolate_failures)
    opened, requests = OpenedRequest(header, template), context.ledger.requests

    async def insert_claimed(claim: ClaimRequest) -> ClaimResult | None:
        claimed = await requests.insert_small_claimed(header, part, chunk, claim)
        if claimed:  # another body of a request that exists must not be sent
            context.request_cache.put(opened)
        return claimed

    claimed = await context.handover.claim((chunk.lane, chunk.channel), insert_claimed, is_new=True)
    if claimed is not None:  # the owner publishes request.accepted
        return claimed
    if not await context.retry_until_available("insert small request", requests.insert_small, header, part, chunk):
        return False
    context.request_cache.put(opened)
    await publish_accepted(header, part, context)
    await wake_last_chunk(StoredRequest(header, {part.number: part}), part.number, context)
    return True


async def _build(
    request: ValidRequest, template: MessageTemplate, context: ConsumerContext, *, isolate_failures: bool
) -> Chunk:
    header, part = request.header, request.part
    checker = RecipientChecker(header, template, part.default_region, context, isolate_failures=isolate_failures)
    checked = await checker.check_chunk(0, request.body.recipients)
    is_expired = header.expires_at is not None and context.ledger.now() >= header.expires_at
    decided = await apply_exclusions(checked, ExclusionScope(header, part, context, is_expired))
    return build_chunk(checked, decided, StoredRequest(header, {}), part, context, in_request=True)
