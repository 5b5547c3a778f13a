"""Bounded HTTP/1.1 protocol: bytes that are not a request, too slow or too large get an error of the contract.

uvicorn's protocol bounds neither the head of a request nor the time it takes. It answers a pipelined request that
cannot be parsed in the place of the request before it, and keeps output for a caller that does not read it.
`producer/http/request_bodies.py` bounds the body.
"""

import asyncio
import socket
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from producer.clock import utc_now
from producer.http.idle_connections import IdleTime, close_longest_idle
from producer.http.lingering_transport import LingeringTransport
from producer.http.unread_output import SEND_BUFFER_BYTES, UnreadOutput, drop_oldest_output
from producer.responses import JSON, simple_response

MAX_CONNECTIONS = 500
"""Maximum number of connections. A further one takes the place of one without a request, or else gets a 503.

Each takes some 10 KB, or 130 KB during a small body."""
MAX_HEAD_BYTES = 64 * 1024
"""Maximum size in bytes of request line and header fields together, and of what follows a chunk before the next one."""
MAX_HEADER_FIELDS = 200
"""Maximum number of header fields. A short one takes 30 times its size in memory, and the app reads all of them."""
HEAD_TIMEOUT_SECONDS = 10
"""Maximum time in seconds for the head to arrive, from the first byte or from the start of the connection.

It is also the maximum time for the rest of a body whose request was already answered."""
MAX_PIPELINED_REQUESTS = 16
"""Maximum number of requests that wait behind the one that is being answered."""
MAX_UNREAD_BODY_BYTES = 16 * 1024
"""Number of bytes of a body that the app has not read yet, beyond which the connection is not read further."""
LINGER_SECONDS = 2
"""Time in seconds in which a caller that is still sending can read the error. An immediate close would lose it."""
READ_TIMEOUT_SECONDS = 30
"""Maximum time in seconds for the caller to read the end of its last response."""

_TOO_LARGE = f"header fields must not be more than {MAX_HEADER_FIELDS}, or larger with the request line than "
PHRASES = {431: f"{_TOO_LARGE}{MAX_HEAD_BYTES} bytes", 400: "this is not HTTP/1.1"}
"""Messages about bytes that are not a valid request, by status."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with bounds, and with `{code, message, timestamp}` for invalid requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._active: RequestResponseCycle | None = None
        self._deferred_app: Any = None
        """The app, if the active request begins only after the caller has read the response before it."""
        self.idle = IdleTime()
        self.output: UnreadOutput
        self._timer: asyncio.TimerHandle | None = None
        self._socket: asyncio.Transport
        self._head_bytes = self.chunks_of_read = 0
        self._in_body = self._closing = False
        self._error_status = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Accept a connection unless there are too many."""
        super().connection_made(transport)
        self._socket = transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.output = UnreadOutput(transport, self.loop)
        self.transport = LingeringTransport(transport, self._close_connection, lambda: self._closing)
        others = (other for other in self.connections if isinstance(other, BoundedHttpProtocol))
        if len(self.connections) > MAX_CONNECTIONS and not close_longest_idle(other.idle for other in others):
            self._refuse(503, "too many connections. Nothing was done.")
        else:
            self.idle.begin(transport, self.loop.time())
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self.idle.end()
        self.output.end()
        self._closing = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the bytes within the bounds."""
        if self._closing:
            return
        self._unset_keepalive_if_required()
        self.chunks_of_read = 0
        self._head_bytes += len(data)
        if not self._in_body:
            self._start_timer()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._continue_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._error_status, PHRASES[self._error_status])
        if self._head_bytes > MAX_HEAD_BYTES and not self._closing:
            self._refuse(431, PHRASES[431])

    def on_message_begin(self) -> None:
        """Start the timer at the first byte of a request."""
        self._start_timer()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field. Fields behind the body are ignored: they must not change the request (RFC 9110, 6.5)."""
        if self._in_body:
            return
        if len(self.headers) >= MAX_HEADER_FIELDS:
            self._error_status = 431
            raise ValueError("too many header fields")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Check the size of the head and begin the request. An error raised here becomes an HttpParserError."""
        if self.parser.should_upgrade():
            return
        self._stop_timer()
        self._in_body, self._head_bytes = True, 0
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            self._error_status = 431
            raise ValueError("the head is too large")
        super().on_headers_complete()
        if len(self.pipeline) > MAX_PIPELINED_REQUESTS:
            raise ValueError("too many requests at once")

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body, and stop reading until the app asks for more."""
        self._head_bytes = 0
        self.chunks_of_read += 1
        super().on_body(body)
        if len(self.cycle.body) > MAX_UNREAD_BODY_BYTES:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """Stop the timer at the end of the body."""
        if self.parser.should_upgrade():
            return
        self._stop_timer()
        self._in_body, self._head_bytes = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Continue with the next request after the rest of this one has arrived."""
        rest_is_missing = self._in_body and self._active is self.cycle
        self.idle.begin(self._socket, self.loop.time())
        super().on_response_complete()
        if not rest_is_missing or self._closing:
            return
        if self.expect_100_continue:
            self._close_connection()  # the caller may or may not send the body now
        else:
            self._start_timer()

    def pause_writing(self) -> None:
        """Watch output that the caller does not read as fast as it is written."""
        super().pause_writing()
        self.output.begin()
        drop_oldest_output(other.output for other in self.connections if isinstance(other, BoundedHttpProtocol))

    def resume_writing(self) -> None:
        """Begin the next request, if it had to wait until the caller read the last response."""
        super().resume_writing()
        self.output.end()
        if self._active is not None and self._deferred_app is not None:
            app, self._deferred_app = self._deferred_app, None
            super()._start_asgi_task(self._active, app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        self.idle.end()
        if self.flow.write_paused:
            self._deferred_app = app
        else:
            super()._start_asgi_task(cycle, app)

    def _continue_without_upgrade(self, rest: bytes) -> None:
        """Handle a request that offers another protocol as plain HTTP/1.1 (RFC 9110, 7.8). Java's client offers HTTP/2.

        The parser stops after the head and does not look for a body. A new parser gets the head without the offer.
        """
        method, fields = self.parser.get_method(), self.headers
        if method == b"CONNECT":
            self._refuse(400, PHRASES[400])
            return
        self.parser = httptools.HttpRequestParser(self)
        kept = b"".join(b"%b: %b\r\n" % (name, value) for name, value in fields if name != b"upgrade")
        self.data_received(b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, self.url, kept, rest))

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_TIMEOUT_SECONDS, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        if self._in_body or not self._head_bytes:
            self._close_connection()
        else:
            self._refuse(408, f"the head of the request took more than {HEAD_TIMEOUT_SECONDS} seconds")

    def _refuse(self, status: int, message: str) -> None:
        """Send an error and close. A complete request is answered first, and the bytes after it get no answer."""
        self._closing = True
        active = self._active
        if active is not None and not active.response_complete:
            active.keep_alive = False
            if not active.more_body or active.response_started:
                return
            active.disconnected = True
            active.message_event.set()
        body = bytes(simple_response(status, utc_now(), message).body)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"content-type: {JSON}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._close_connection()

    def _close_connection(self) -> None:
        """Close, but let a caller that is still sending read the response first (RFC 9112, 9.6)."""
        self._stop_timer()
        if self._socket.is_closing():
            return
        still_sending = self._in_body or self._closing
        self._closing = True
        if still_sending:
            self.flow.resume_reading()
            self._socket.write_eof()
            self.loop.call_later(LINGER_SECONDS, self._socket.abort)
        else:
            self._socket.close()
            if self._socket.get_write_buffer_size():
                self.loop.call_later(READ_TIMEOUT_SECONDS, self._socket.abort)
