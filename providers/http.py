"""The kind `http`: one delivery is one POST of JSON to somebody's own gateway."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp.abc import AbstractStreamWriter

from core.outcome import Answer, Failed, Message, Sent
from providers.base import CLOSED, NO_FREE_CONNECTION
from providers.codes import Means, answer_for, describe
from providers.entries import HttpEntry
from providers.retry_after import parse_retry_after
from providers.slots import NoFreeSlotError, Slots
from providers.tls import client_context
from schemas.statuses import Reason

STATUSES = {
    301: Means.UNAVAILABLE,  # moved: not taken here, and somebody must mend the url
    307: Means.UNAVAILABLE,
    308: Means.UNAVAILABLE,
    429: Means.RATE_LIMITED,
    503: Means.UNAVAILABLE,  # with Retry-After: rate-limited
}
"""HTTP statuses of their own."""

STATUS_CLASSES = {2: Means.SENT, 4: Means.REJECTED, 5: Means.UNAVAILABLE}
"""The first digits of all others. What stands in neither table is no answer: 302 may follow a POST that was taken."""

MAX_ANSWER_BYTES = 64 * 1024
KEEP_ALIVE_SECONDS = 4.0
"""Below the 5 s after which common servers close an idle connection: closed under a request, it makes it uncertain."""


class HttpProvider:
    """See the module. The table above says what each status means."""

    def __init__(self, entry: HttpEntry, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name = entry.name
        self.channel = entry.channel
        self.deduplicates = entry.deduplicates
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self._url = entry.url
        self._headers = _headers(entry)
        self._tls = client_context(entry.ca_file) if entry.url.startswith("https:") else None
        self._slots = Slots(entry.concurrency, entry.timeout_seconds)
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send(self, message: Message) -> Answer:
        """Post it once."""
        if self._closed:
            return CLOSED
        try:
            attempt = _Attempt(_encode(message))
        except TypeError:  # a lone surrogate
            return Failed(Reason.INVALID_CONTENT, "not UTF-8")
        try:
            async with self._slots.taken():
                await self._post(message, attempt)
        except NoFreeSlotError:
            return CLOSED if self._closed else NO_FREE_CONNECTION
        except Exception as error:  # noqa: BLE001  # whatever the client raises is an answer that did not come
            return attempt.lost(error)
        return attempt.answer or attempt.lost(None)

    async def check(self) -> str | None:
        """Connect, with TLS where the url says so; nothing is posted."""
        if self._closed:
            return "provider closed"
        parts = urlsplit(self._url)
        port = parts.port or (80 if self._tls is None else 443)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                _, writer = await asyncio.open_connection(parts.hostname, port, ssl=self._tls)
        except Exception as error:  # noqa: BLE001  # it is what is asked for
            return f"connecting: {_say(error)}"
        writer.transport.abort()
        return None

    def stop(self, within_seconds: float) -> None:
        """Post no more; what is posted gets so many seconds more."""
        self._closed = True
        self._slots.stop(within_seconds)

    async def aclose(self) -> None:
        """Close the connections; a send under way ends as cut."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _post(self, message: Message, attempt: "_Attempt") -> None:
        if self._closed:  # while it waited for a free connection
            attempt.answer = CLOSED
            return
        headers = {"Idempotency-Key": message.id}
        session = self._open()
        async with session.post(self._url, data=attempt.body, headers=headers, allow_redirects=False) as response:
            attempt.answer = _judge(response, self._now())
            content = await _read(response)
            if isinstance(attempt.answer, Sent):
                attempt.answer = Sent(_message_id(content, message), attempt.answer.response)

    def _open(self) -> aiohttp.ClientSession:
        """The session, made within the running loop. It does not retry a POST, nor keep cookies, nor use a proxy."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True, keepalive_timeout=KEEP_ALIVE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
            )
        return self._session


class _Body(aiohttp.BytesPayload):
    """A request body that knows whether any of it was written."""

    begun = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Note that the write begins, unless the connection is known to be closed: then nothing leaves."""
        transport = getattr(writer, "transport", None)
        self.begun = transport is None or not transport.is_closing()
        await super().write_with_length(writer, content_length)


class _Attempt:
    """How far one post came."""

    def __init__(self, content: bytes) -> None:
        self.body = _Body(content, content_type="application/json")
        self.answer: Answer | None = None
        """Set as soon as the status is known; what happens to the rest of the answer changes nothing."""

    def lost(self, error: Exception | None) -> Answer:
        """What is known when the answer, or the rest of it, did not come."""
        if self.answer is not None:
            return self.answer
        words = "unexpected answer" if error is None else _say(error)
        if self.body.begun:
            return answer_for(Means.NO_ANSWER, f"waiting for an answer: {words}")
        return answer_for(Means.UNAVAILABLE, f"connecting: {words}")


def _say(error: Exception) -> str:
    return "connection cut" if isinstance(error, aiohttp.ServerDisconnectedError) else describe(error)


def _headers(entry: HttpEntry) -> dict[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "rollcall"}
    headers |= {name: value.get_secret_value() for name, value in entry.headers.items()}
    if entry.bearer_token is not None:
        headers["Authorization"] = f"Bearer {entry.bearer_token.get_secret_value()}"
    return headers


def _encode(message: Message) -> bytes:
    return orjson.dumps(
        {
            "id": message.id,
            "channel": message.channel,
            "to": message.to,
            "text": message.text,
            "subject": message.subject,
            "reference": message.reference,
            "tenant_id": message.tenant_id,
        },
    )


def _judge(response: aiohttp.ClientResponse, now: datetime) -> Answer:
    """The answer that status and Retry-After make."""
    status, asked = response.status, response.headers.get("Retry-After")
    means = STATUSES.get(status) or STATUS_CLASSES.get(status // 100, Means.NO_ANSWER)
    if status == 503 and asked is not None:
        means = Means.RATE_LIMITED
    delay_seconds = parse_retry_after(asked, now) if asked is not None else None
    return answer_for(means, f"HTTP {status}", delay_seconds)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, or nothing of one that is too long; its connection is dropped then."""
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            response.close()
            return b""
    return bytes(content)


def _message_id(content: bytes, message: Message) -> str | None:
    """The id that the other side gave, unless it is none or shows the address or the text."""
    try:
        said: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    found = said.get("id", said.get("message_id")) if isinstance(said, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool):
        return None
    found = str(found)
    telling = message.to.removeprefix("+") in found or (message.text and message.text in found)
    return found if 0 < len(found) <= 200 and found.isascii() and found.isprintable() and not telling else None
