"""Cache of the requests that are being delivered. A request is opened once and kept while it is in use."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from core.ids import RequestKey
from ledger.message_template import MessageTemplate
from ledger.models import RequestHeader
from schemas.statuses import Channel

MAX_CACHED_BYTES = 6 * 1024 * 1024
"""Maximum size of all cached requests in bytes. The request that was used last is kept, whatever its size."""
MAX_CONCURRENT_LOADS = 4
"""Maximum number of requests that are read and opened at the same time. Their size is not known before."""
_REQUEST_BYTES = 4_096
"""Size of a request without its text in bytes."""


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """Header and template of a request. The template is None if no key opens it. Then nothing is sent."""

    header: RequestHeader
    template: MessageTemplate | None
    shared: dict[str, bytes] | None = field(init=False, repr=False)
    """See `core.send_result.Message`. It lives as long as the request is opened."""
    size: int = field(init=False)
    """Number of bytes that the request takes in memory."""

    def __post_init__(self) -> None:
        """Compute once the values that are needed for each chunk."""
        template = self.template
        is_shared = self.header.channel is Channel.EMAIL and template is not None and not template.content.names
        sealed = len(self.header.sealed_text) + len(self.header.sealed_secrets or b"")
        size = _REQUEST_BYTES + sealed + (template.size if template else 0)
        if template and is_shared:
            size += template.measure.of({}).bytes
        object.__setattr__(self, "shared", {} if is_shared else None)
        object.__setattr__(self, "size", size)


class RequestCache:
    """Cache of the requests that were used last, bounded by their size."""

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES) -> None:
        self._max_bytes = max_bytes
        self._requests: OrderedDict[RequestKey, tuple[OpenedRequest, int]] = OrderedDict()
        self.used = 0
        """Size of all cached requests in bytes."""
        self.loading = asyncio.Semaphore(MAX_CONCURRENT_LOADS)
        """Limit of the requests that are read and opened at the same time."""

    def get(self, key: RequestKey) -> OpenedRequest | None:
        """Return the request, or None if it is not in the cache."""
        cached = self._requests.get(key)
        if cached is None:
            return None
        self._requests.move_to_end(key)
        return cached[0]

    def put(self, opened: OpenedRequest) -> OpenedRequest:
        """Store a request and remove the least recently used ones. The header of a request never changes (I5)."""
        key, size = opened.header.key, opened.size
        _, replaced = self._requests.pop(key, (None, 0))
        self._requests[key] = opened, size
        self.used += size - replaced
        while self.used > self._max_bytes and len(self._requests) > 1:
            _, (_, removed) = self._requests.popitem(last=False)
            self.used -= removed
        return opened
