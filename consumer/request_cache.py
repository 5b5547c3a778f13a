"""Cache of the requests that are being delivered. A request is opened once and kept while it is in use."""

from collections import OrderedDict
from dataclasses import dataclass

from core.ids import RequestKey
from ledger.message_template import MessageTemplate
from ledger.models import RequestHeader


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """Header and template of a request. The template is None if no key opens it. Then nothing is sent."""

    header: RequestHeader
    template: MessageTemplate | None


class RequestCache:
    """Cache of the requests that were used last."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._requests: OrderedDict[RequestKey, OpenedRequest] = OrderedDict()

    def get(self, key: RequestKey) -> OpenedRequest | None:
        """Return the request, or None if it is not in the cache."""
        if opened := self._requests.get(key):
            self._requests.move_to_end(key)
        return opened

    def put(self, opened: OpenedRequest) -> OpenedRequest:
        """Store a request and remove the least recently used one. The header of a request never changes (I5)."""
        self._requests[opened.header.key] = opened
        if len(self._requests) > self._size:
            self._requests.popitem(last=False)
        return opened
