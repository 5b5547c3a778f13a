"""Complete: when nothing is left to attempt, one event carries the counts (I2)."""

from consumer.context import ConsumerContext
from consumer.events import completed_event
from consumer.logger import logger
from consumer.publish_results import publish_results
from core.chunk_work import Counts
from core.ids import RequestKey
from ledger.models import Chunk, ControlFlags, StoredRequest
from schemas.statuses import Lane


async def complete_after_close(closed: Chunk, counts: Counts, context: ConsumerContext) -> None:
    """Ask for the completion after a chunk was closed with these counts."""
    if closed.lane is Lane.EXPRESS:  # the only chunk that its request will ever have
        await _complete(closed.key, counts, context)
    else:
        await complete_if_done(closed.key, context)


async def complete_if_done(key: RequestKey, context: ConsumerContext, request: StoredRequest | None = None) -> None:
    """Ask whether all parts are expanded, and only then whether any chunk is open; the winner announces.

    The request where it was read just now.
    """
    chunks = context.ledger.chunks
    request = request or await context.retry_until_available("ask for the parts", context.ledger.requests.get, key)
    if request is None or request.completion or not request.all_parts_expanded:
        return
    if await context.retry_until_available("ask for open chunks", chunks.has_open, key):
        return
    counts = await context.retry_until_available("count", chunks.counts, key)
    await _complete(key, counts, context)


async def _complete(key: RequestKey, counts: Counts, context: ConsumerContext) -> None:
    completed = await context.retry_until_available("complete", context.ledger.requests.complete, key, counts)
    if completed:
        await publish_completion(completed, context)


async def publish_completion(request: StoredRequest, context: ConsumerContext) -> None:
    """Publish the completion from its stored counts, then note that it was published."""
    header = request.header
    await publish_results(header, [completed_event(request)], context, "announce")
    await context.retry_until_available(
        "note the announcement", context.ledger.requests.mark_completion_published, header.key
    )
    logger.info(
        "request completed", request_id=header.request_id, total=request.completion and request.completion.total
    )


async def apply_control_flags(
    key: RequestKey, flags: ControlFlags, context: ConsumerContext, part: int | None = None
) -> None:
    """Put the marks of a request on its open chunks, or on those of one part; a repeat changes nothing."""
    chunks = context.ledger.chunks
    if flags.cancelled:
        await context.retry_until_available("mark", chunks.mark_cancelled, key, part)
    elif flags.pauses:
        await context.retry_until_available("hold", chunks.set_pause_count, key, flags.pauses, part)
