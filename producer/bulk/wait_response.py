"""Response to a caller that waited: the statuses of its recipients by then."""

from core.ids import LogId
from producer.bulk.call import BulkCall
from producer.completion_waiter import IsDisconnected
from producer.dependencies import Dependencies
from producer.errors import UnavailableError
from producer.read.log_items import log_item
from producer.read.shown_text import ShownText
from schemas.http_responses import CommunicationLogListResponse, CommunicationLogResponse


async def response_after_wait(
    deps: Dependencies, call: BulkCall, accepted: CommunicationLogListResponse, is_disconnected: IsDisconnected
) -> CommunicationLogListResponse | None:
    """Return the first response with current statuses, after the completion or the end of the caller's time.

    Return None if the caller cannot wait: MongoDB is not available, or too many callers are waiting.
    """
    ids = [LogId(item.id) for item in accepted.items]
    try:
        completion = await deps.completion_waiter.wait(
            call.principal.tenant_id, call.key, call.wait_seconds or 0, is_disconnected
        )
        logs = await deps.gateway.query(lambda ledger: ledger.logs.get_many(ids))
    except UnavailableError:
        return None
    items = [
        log_item(logs[log_id], _shown(item)) if log_id in logs else item
        for log_id, item in zip(ids, accepted.items, strict=True)
    ]
    message = "completed" if completion else accepted.message
    return accepted.model_copy(update={"items": items, "message": message, "timestamp": deps.clock.now()})


def _shown(item: CommunicationLogResponse) -> ShownText | None:
    return None if item.content is None else ShownText(item.content, is_shortened=item.content_shortened is True)
