"""Complete: when nothing is left to attempt, one event carries the counts (I2)."""

from consumer.context import Tools
from consumer.events import completed_event
from consumer.logger import log
from consumer.publish_results import publish_results
from core.chunk_work import Counts
from core.ids import RequestKey
from ledger.models import Chunk, ControlFlags, StoredRequest
from schemas.statuses import Lane


async def complete_after(closed: Chunk, counts: Counts, tools: Tools) -> None:
    """Ask for the completion after a chunk was closed with these counts."""
    if closed.lane is Lane.EXPRESS:  # the only chunk that its request will ever have
        await _complete(closed.key, counts, tools)
    else:
        await complete(closed.key, tools)


async def complete(key: RequestKey, tools: Tools, request: StoredRequest | None = None) -> None:
    """Ask whether all parts are expanded, and only then whether any chunk is open; the winner announces.

    The request where it was read just now.
    """
    chunks = tools.ledger.chunks
    request = request or await tools.lasting(lambda: tools.ledger.requests.get(key), "ask for the parts")
    if request is None or request.completion or not request.all_parts_expanded:
        return
    if await tools.lasting(lambda: chunks.has_open(key), "ask for open chunks"):
        return
    counts = await tools.lasting(lambda: chunks.counts(key), "count")
    await _complete(key, counts, tools)


async def _complete(key: RequestKey, counts: Counts, tools: Tools) -> None:
    completed = await tools.lasting(lambda: tools.ledger.requests.complete(key, counts), "complete")
    if completed:
        await announce(completed, tools)


async def announce(request: StoredRequest, tools: Tools) -> None:
    """Publish the completion from its stored counts, then note that it was published."""
    head = request.header
    await publish_results(head, [completed_event(request)], tools, "announce")
    await tools.lasting(lambda: tools.ledger.requests.mark_completion_published(head.key), "note the announcement")
    log.info("request completed", request_id=head.request_id, total=request.completion and request.completion.total)


async def mark(key: RequestKey, marks: ControlFlags, tools: Tools, part: int | None = None) -> None:
    """Put the marks of a request on its open chunks, or on those of one part; a repeat changes nothing."""
    chunks = tools.ledger.chunks
    if marks.cancelled:
        await tools.lasting(lambda: chunks.mark_cancelled(key, part), "mark")
    elif marks.pauses:
        await tools.lasting(lambda: chunks.set_pause_count(key, marks.pauses, part), "hold")
