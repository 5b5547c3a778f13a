"""Completion of a request, and the control flags of its chunks (I2)."""

from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.events import completed_event
from consumer.logger import logger
from consumer.publish_results import publish_results
from core.chunk_work import Counts
from core.ids import RequestKey
from core.money import NO_COST, Cost
from ledger.models import Completion, ControlFlags, RequestHeader, StoredRequest
from schemas.statuses import Lane


class ClosedChunk(NamedTuple):
    """Chunk that was closed, and what is known about the end of its request."""

    header: RequestHeader
    lane: Lane
    counts: Counts
    cost: Cost
    completion: Completion | None
    """Completion that the close stored, if the chunk is in the document of its request."""


async def complete_after_close(closed: ClosedChunk, context: ConsumerContext) -> None:
    """Complete the request of a chunk that was closed, if nothing else of it is open, and publish the completion."""
    if closed.completion:
        await publish_completion(closed.header, closed.completion, context)
    elif closed.lane is Lane.EXPRESS:  # It is the only chunk of its request.
        await _complete(closed.header.key, closed.counts, closed.cost, context)
    else:
        await complete_if_done(closed.header.key, context)


async def complete_if_done(key: RequestKey, context: ConsumerContext, request: StoredRequest | None = None) -> None:
    """Complete a request whose parts are all expanded and whose chunks are all closed, and publish the completion.

    The order of the two questions matters: a part may still add chunks until it is expanded. If several consumers ask
    at once, the ledger lets one of them complete the request. Pass the request if it was read just now.
    """
    chunks = context.ledger.chunks
    request = request or await context.retry_until_available(
        "read of the expanded parts", context.ledger.requests.get, key
    )
    if request is None or request.completion or not request.all_parts_expanded:
        return
    if await context.retry_until_available("check for open chunks", chunks.has_open, key):
        return
    counts = await context.retry_until_available("read of the counts", chunks.counts, key)
    cost = NO_COST
    if context.providers.prices:
        cost = await context.retry_until_available("read of the cost", chunks.cost, key)
    await _complete(key, counts, cost, context)


async def _complete(key: RequestKey, counts: Counts, cost: Cost, context: ConsumerContext) -> None:
    completed = await context.retry_until_available("completion", context.ledger.requests.complete, key, counts, cost)
    if completed and completed.completion:
        await publish_completion(completed.header, completed.completion, context)


async def publish_completion(header: RequestHeader, completion: Completion, context: ConsumerContext) -> None:
    """Publish the stored completion, then record that it was published."""
    await publish_results(header, [completed_event(header, completion)], context, "publishing of a completion")
    await context.retry_until_available(
        "record of a published completion", context.ledger.requests.mark_completion_published, header.key
    )
    logger.info("request completed", request_id=header.request_id, total=completion.total)


async def apply_control_flags(
    key: RequestKey, flags: ControlFlags, context: ConsumerContext, part: int | None = None
) -> None:
    """Write the control flags of a request to its open chunks, or to those of one part. A repeat changes nothing."""
    chunks = context.ledger.chunks
    if flags.cancelled:
        await context.retry_until_available("write of a cancel", chunks.mark_cancelled, key, part)
    elif flags.pauses:
        await context.retry_until_available("write of a pause", chunks.set_pause_count, key, flags.pauses, part)
