"""The requests that deliver works on: opened once and kept while they are in use."""

from collections import OrderedDict
from dataclasses import dataclass

from core.ids import RequestKey
from ledger.message_template import MessageTemplate
from ledger.models import RequestHeader


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request's head and its text; None: no key opens it, and nothing of it is sent."""

    header: RequestHeader
    template: MessageTemplate | None


class RequestCache:
    """The requests that were used last."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._kept: OrderedDict[RequestKey, OpenedRequest] = OrderedDict()

    def get(self, key: RequestKey) -> OpenedRequest | None:
        """A request that is kept, or None."""
        if found := self._kept.get(key):
            self._kept.move_to_end(key)
        return found

    def put(self, opened: OpenedRequest) -> OpenedRequest:
        """Keep a request; what was not used for longest goes. Its head never changes once written (I5)."""
        self._kept[opened.header.key] = opened
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return opened
