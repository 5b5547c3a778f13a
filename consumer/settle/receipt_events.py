"""Events of logs that receipts moved, to the reply topics of their requests."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence

from consumer.context import ConsumerContext
from consumer.events import receipt_event
from consumer.publish_results import publish_results, publish_to_default_topic
from core.ids import LogId, RequestKey, key_of_log
from ledger.models import Log, RequestHeader

MAX_HEADERS = 1_000
"""Maximum number of headers that are remembered. The one that was used longest ago is forgotten."""
_STEP = "publishing of receipt events"


class ReceiptEvents:
    """Publisher of receipt events. It remembers the headers of requests, which never change (I5)."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._headers: OrderedDict[RequestKey, RequestHeader] = OrderedDict()

    async def load_headers(self, keys: Collection[RequestKey]) -> dict[RequestKey, RequestHeader]:
        """Return the headers of requests. Those of deleted requests are left out."""
        found = {key: header for key in keys if (header := self._known(key))}
        if missing := [key for key in keys if key not in found]:
            get_headers = self._context.ledger.requests.get_headers
            read = await self._context.retry_until_available("read of reply topics", get_headers, missing)
            self._headers.update(read)
            found |= read
        while len(self._headers) > MAX_HEADERS:
            self._headers.popitem(last=False)
        return found

    def _known(self, key: RequestKey) -> RequestHeader | None:
        if opened := self._context.request_cache.get(key):
            return opened.header
        if key in self._headers:
            self._headers.move_to_end(key)
        return self._headers.get(key)

    async def publish(self, logs: Sequence[Log], header: RequestHeader | None) -> None:
        """Publish the events of logs of one request, and wait for their acknowledgement.

        Without the header of the request they go to the default topic, without a correlation id.
        """
        correlation_id = header.correlation_id if header else None
        events = [receipt_event(log, correlation_id) for log in logs]
        if header:
            await publish_results(header, events, self._context, _STEP)
        else:
            await publish_to_default_topic(logs[0].request_id, events, self._context, _STEP)

    async def publish_all(self, logs: Iterable[Log]) -> None:
        """Publish the events of logs of many requests, and wait for all acknowledgements."""
        groups = by_request(logs)
        headers = await self.load_headers(groups.keys())
        await asyncio.gather(*(self.publish(group, headers.get(key)) for key, group in groups.items()))


def by_request(logs: Iterable[Log]) -> dict[RequestKey, list[Log]]:
    """Return the logs by their request."""
    groups: dict[RequestKey, list[Log]] = {}
    for log in logs:
        groups.setdefault(key_of_log(LogId(log.id)), []).append(log)
    return groups
