"""HTTP as bytes, before there is a request: what is none, too slow or too much, answered in the contract's words.

uvicorn's protocol bounds neither the head of a request nor the time it takes, and a pipelined request that cannot be
parsed is answered in the place of the one before it. A body is bounded in `producer/http/request_bodies.py`.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from producer.clock import utc_now
from producer.responses import JSON, simple_response

MAX_CONNECTIONS = 500
"""More are told so and hung up on; a few hundred bytes to 300 KB each, while a body arrives."""
HEAD_BYTES = 64 * 1024
"""Request line and header fields together."""
HEAD_SECONDS = 10
"""How long they may take to arrive, from the first byte or from the connection's beginning; also the rest of a body
that was answered already."""
PIPELINED = 16
"""So many requests may wait behind one that is being answered."""
LINGER_SECONDS = 2
"""How long a caller that is still sending has to read why it need not: closing at once would lose the answer."""
STALL_SECONDS = 30
"""How long a caller has to read the end of its last answer."""

PHRASES = {431: f"request line and header fields are larger than {HEAD_BYTES} bytes", 400: "this is not HTTP/1.1"}
"""Messages about bytes that the service does not read as a request, by status."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with bounds, and `{code, message, timestamp}` for what is no request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._active: RequestResponseCycle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._socket: asyncio.Transport
        self._head_bytes = 0
        self._in_body = self._over = False
        self._fault = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self._socket = transport
        self.transport = _LingeringTransport(transport, self._hang_up, lambda: self._over)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(503, "too many connections; nothing was done")
        else:
            self._await_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        self._over = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, within bounds."""
        if self._over:
            return
        self._unset_keepalive_if_required()
        if not self._in_body:
            self._head_bytes += len(data)
            self._await_rest()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._fault, PHRASES[self._fault])
        if not self._in_body and self._head_bytes > HEAD_BYTES and not self._over:
            self._refuse(431, PHRASES[431])

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._await_rest()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there. What is raised here becomes an HttpParserError."""
        if self.parser.should_upgrade():
            return
        self._stop_timer()
        self._in_body, self._head_bytes = True, 0
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self._fault = 431
            raise ValueError("the head is too large")
        super().on_headers_complete()
        if len(self.pipeline) > PIPELINED:
            raise ValueError("too many requests at once")

    def on_message_complete(self) -> None:
        """The body is there."""
        if self.parser.should_upgrade():
            return
        self._stop_timer()
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, once the rest of this one came."""
        rest_is_missing = self._in_body and self._active is self.cycle
        super().on_response_complete()
        if not rest_is_missing or self._over:
            return
        if self.expect_100_continue:
            self._hang_up()  # nobody knows whether the body will come now
        else:
            self._await_rest()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Take a request that offers another protocol in this one (RFC 9110, 7.8): Java's client offers HTTP/2.

        The parser stops after its head and does not look for a body, so another one gets the head without the offer.
        """
        method, fields = self.parser.get_method(), self.headers
        if method == b"CONNECT":
            self._refuse(400, PHRASES[400])
            return
        self.parser = httptools.HttpRequestParser(self)
        kept = b"".join(b"%b: %b\r\n" % (name, value) for name, value in fields if name != b"upgrade")
        self.data_received(b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, self.url, kept, rest))

    def _await_rest(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self._in_body or not self._head_bytes:
            self._hang_up()
        else:
            self._refuse(408, f"the head of the request took more than {HEAD_SECONDS} seconds")

    def _refuse(self, status: int, message: str) -> None:
        """Answer and hang up; a request that is whole is answered first, and what follows it not at all."""
        self._over = True
        under_way = self._active
        if under_way is not None and not under_way.response_complete:
            under_way.keep_alive = False
            if not under_way.more_body or under_way.response_started:
                return
            under_way.disconnected = True
            under_way.message_event.set()
        body = bytes(simple_response(status, utc_now(), message).body)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"content-type: {JSON}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._hang_up()

    def _hang_up(self) -> None:
        """Close, but let a caller that is still sending read the answer first (RFC 9112, 9.6)."""
        self._stop_timer()
        if self._socket.is_closing():
            return
        still_sending = self._in_body or self._over
        self._over = True
        if still_sending:
            self.flow.resume_reading()
            self._socket.write_eof()
            self.loop.call_later(LINGER_SECONDS, self._socket.abort)
        else:
            self._socket.close()
            if self._socket.get_write_buffer_size():
                self.loop.call_later(STALL_SECONDS, self._socket.abort)


class _LingeringTransport(asyncio.Transport):
    """A transport whose end is up to the protocol; as much of one as uvicorn uses."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None], over: Callable[[], bool]) -> None:
        super().__init__()
        self._transport = transport
        self._close = close
        self._over = over

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(data)

    def close(self) -> None:
        self._close()

    def is_closing(self) -> bool:
        return self._over() or self._transport.is_closing()
