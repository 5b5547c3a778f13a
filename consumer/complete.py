"""Complete: when nothing is left to attempt, one event carries the counts (I2)."""

from consumer.events import completed_event
from consumer.results import publish_results
from consumer.tools import Tools, log
from core.ids import RequestKey
from ledger.values import Request


async def complete(key: RequestKey, tools: Tools) -> None:
    """Ask whether all parts are expanded, and only then whether any chunk is open; the winner announces."""
    requests, chunks = tools.ledger.requests, tools.ledger.chunks
    request = await tools.lasting(lambda: requests.get(key), "ask for the parts")
    if request is None or request.completion or not request.all_expanded:
        return
    if await tools.lasting(lambda: chunks.any_open(key), "ask for open chunks"):
        return
    counts = await tools.lasting(lambda: chunks.counts(key), "count")
    completed = await tools.lasting(lambda: requests.complete(key, counts), "complete")
    if completed:
        await announce(completed, tools)


async def announce(request: Request, tools: Tools) -> None:
    """Publish the completion from its stored counts, then note that it was published."""
    head = request.head
    await publish_results(head, [completed_event(request)], tools, "announce")
    await tools.lasting(lambda: tools.ledger.requests.announced(head.key), "note the announcement")
    log.info("request completed", request_id=head.request_id, total=request.completion and request.completion.total)
