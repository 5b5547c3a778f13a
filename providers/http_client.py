"""HTTP client that providers over HTTP share: one POST, the bytes that left, and the body that came back."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from pydantic import AfterValidator, SecretStr

from core.send_result import SendResult
from providers.draft import WITHDRAWN
from providers.http_api import ApiAnswer
from providers.network import Network, connect, hide_failure
from providers.result_codes import ResultKind, result_for, safe_description

MAX_ANSWER_BYTES = 64 * 1024
"""Maximum size of a response body, in bytes."""

KEEP_ALIVE_SECONDS = 4.0
"""Maximum idle time of a connection, in seconds. Common servers close theirs after 5 s.

A connection that is closed during a request makes the request uncertain.
"""

_MAX_SPOILED = 100
"""Maximum number of connections with unread bytes that are closed for one request."""


class RequestBody(aiohttp.BytesPayload):
    """Request body that records whether any of it was written. It writes nothing of a message that may not leave."""

    begun = False
    withdrawn = False
    may_leave: Callable[[], bool]

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Note that the write begins, unless the connection is known to be closed. Then nothing leaves."""
        if not self.may_leave():
            self.withdrawn = True
            raise ConnectionAbortedError
        transport = getattr(writer, "transport", None)
        self.begun = transport is None or not transport.is_closing()
        await super().write_with_length(writer, content_length)


class StrictConnector(aiohttp.TCPConnector):
    """Connector that gives no connection away over which something came that no request asked for.

    aiohttp would read it as the response to the next request. A server that ends an idle connection with a 408 does
    this, for example.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Return a connection without unread bytes. Raises ClientConnectionError if there is none."""
        for _ in range(_MAX_SPOILED):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError


class GuardedResolver(aiohttp.abc.AbstractResolver):
    """Resolver for the provider of a tenant."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002  # aiohttp wants both families
    ) -> list[aiohttp.abc.ResolveResult]:
        """Return the addresses of a host that are allowed. Raises OSError."""
        return [
            aiohttp.abc.ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._network.resolve(host)
        ]

    async def close(self) -> None:
        """Do nothing. The network belongs to all providers of tenants."""


class PostAttempt:
    """Progress of the POST that was begun last. The result follows from it if no response comes."""

    def __init__(self, may_leave: Callable[[], bool], network: Network | None) -> None:
        self._may_leave, self._network = may_leave, network
        self._body: RequestBody | None = None
        self.answer: ApiAnswer | None = None
        """Response without its body, as soon as the status is known."""

    @property
    def begun(self) -> bool:
        """Return whether any of the body was written."""
        return self._body is not None and self._body.begun

    def begin(self, content: bytes, content_type: str) -> RequestBody:
        """Return the body of the next POST."""
        self.answer = None
        self._body = RequestBody(content, content_type=content_type)
        self._body.may_leave = self._may_leave
        return self._body

    def lost(self, error: Exception) -> SendResult:
        """Return the result of a POST that had no response."""
        if self._body is not None and self._body.withdrawn:
            return WITHDRAWN
        if self.begun:
            return result_for(ResultKind.NO_ANSWER, f"waiting for an answer: {describe_http(error)}")
        return result_for(ResultKind.UNAVAILABLE, _describe_connecting(error, self._network))


def open_session(
    headers: Mapping[str, str], tls: ssl.SSLContext | None, network: Network | None
) -> aiohttp.ClientSession:
    """Open a session within the running loop. It does not retry a POST, keep cookies or use a proxy.

    aiohttp opens the socket after DNS, also for an address in the URL, and connects it to the same address.
    """
    return aiohttp.ClientSession(
        connector=StrictConnector(
            limit=0,
            ssl=tls or True,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            resolver=GuardedResolver(network) if network is not None else None,
            socket_factory=network.open_socket if network is not None else None,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
    )


async def try_connection(
    url: str, tls: ssl.SSLContext | None, timeout_seconds: float, network: Network | None
) -> str | None:
    """Connect, with TLS if the URL says so, and post nothing. Return None, or one line that says what is wrong."""
    parts = urlsplit(url)
    port = parts.port or (80 if tls is None else 443)
    try:
        async with asyncio.timeout(timeout_seconds):
            transport, _ = await connect(asyncio.Protocol, parts.hostname or "", port, tls, network)
    except Exception as error:  # noqa: BLE001  # the error is the result of the check
        return _describe_connecting(error, network)
    transport.abort()
    return None


async def read_body(response: aiohttp.ClientResponse) -> bytes | None:
    """Read the response body. Of one that is too long, return None and drop its connection."""
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            response.close()
            return None
    return bytes(content)


def describe_http(error: Exception) -> str:
    """Return a fixed description of an exception of the client."""
    if isinstance(error, aiohttp.InvalidURL):  # its host is not written as an address or a name should be
        return "name not resolved"
    return "connection cut" if isinstance(error, aiohttp.ServerDisconnectedError) else safe_description(error)


def _describe_connecting(error: Exception, network: Network | None) -> str:
    return f"connecting: {hide_failure(describe_http(error), network)}"


def check_url(value: str) -> str:
    """Return the URL of a vendor. Raises ValueError if messages cannot be posted to it."""
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(character.isspace() or not character.isprintable() for character in value):
        raise ValueError("must be a URL of http or https")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("must not have a user, password or fragment. Use headers or bearer_token.")
    return value


HttpUrl = Annotated[str, AfterValidator(check_url)]
"""URL in the entry of a provider."""


def is_header_value(secret: SecretStr) -> bool:
    """Return whether a secret may be sent as the value of a header."""
    value = secret.get_secret_value()
    return value.isascii() and value.isprintable() and value == value.strip()
