"""The answer to a caller that waited: where its recipients stand by then."""

from core.ids import LogId
from producer.bulk.call import BulkCall
from producer.completion_waiter import IsDisconnected
from producer.dependencies import Dependencies
from producer.errors import UnavailableError
from producer.read.log_items import log_item
from schemas.http_responses import CommunicationLogListResponse


async def response_after_wait(
    deps: Dependencies, call: BulkCall, first: CommunicationLogListResponse, gone: IsDisconnected
) -> CommunicationLogListResponse | None:
    """The first answer brought up to date once the request is completed, or the caller's time is over.

    None where nobody can wait: MongoDB is away, or too many wait already.
    """
    ids = [LogId(item.id) for item in first.items]
    try:
        completion = await deps.waiting.wait(call.key, call.wait or 0, gone)
        logs = await deps.archive.query(lambda ledger: ledger.logs.get_many(ids))
    except UnavailableError:
        return None
    items = [
        log_item(logs[log_id], item.content) if log_id in logs else item
        for log_id, item in zip(ids, first.items, strict=True)
    ]
    message = "completed" if completion else first.message
    return first.model_copy(update={"items": items, "message": message, "timestamp": deps.sources.now()})
