"""Taking bodies in: bounded in bytes, in time, and in how many large ones are held at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request

from producer.errors import BadRequestError, TooLargeError, TooSlowError, UnavailableError, UnsupportedMediaTypeError

LARGE_BYTES = 256 * 1024
"""Larger bodies are few at a time."""
LARGE_AT_ONCE = 3
"""So many large bodies are held in memory; the next one waits before it is read further."""
BODY_SECONDS = 60
"""How long a body may take to arrive."""
ROOM_SECONDS = 30
"""How long a large body waits for room."""

T = TypeVar("T")


class RequestBodyReader:
    """Reads bodies, and runs what is done with them where it disturbs nobody."""

    def __init__(self, max_bytes: int, seconds: float = BODY_SECONDS) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._room = asyncio.Semaphore(LARGE_AT_ONCE)
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytearray]:
        """The whole body; raises a RefusalError for one that is too large, too slow or no JSON by its headers."""
        check_headers(request.headers, self._max_bytes)
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._seconds):
                    body = await self._read(request, held)
            except TimeoutError:
                raise TooSlowError(too_slow(self._seconds)) from None
            yield body

    async def run_bounded(self, body: bytearray, do: Callable[[], Awaitable[T]]) -> T:
        """Do it at once for a small body, else one at a time: what waits meanwhile costs no more memory."""
        if len(body) <= LARGE_BYTES:
            return await do()
        async with self._one_at_a_time:
            return await do()

    async def _read(self, request: Request, held: AsyncExitStack) -> bytearray:
        body = bytearray()
        async for chunk in request.stream():
            if len(body) <= LARGE_BYTES < len(body) + len(chunk):
                await self._make_room(held)
            body += chunk
            if len(body) > self._max_bytes:
                raise TooLargeError(too_large(self._max_bytes))
        return body

    async def _make_room(self, held: AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(ROOM_SECONDS):
                await held.enter_async_context(self._room)
        except TimeoutError:
            raise UnavailableError("too many large requests at the moment; nothing was sent") from None


def check_headers(headers: Headers, max_bytes: int) -> None:
    """Refuse by its headers alone what is not plain JSON in UTF-8, or is too large."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise UnsupportedMediaTypeError("Content-Type must be application/json")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if parameters and charset not in {"", "utf-8", "utf8"}:
        raise UnsupportedMediaTypeError("the body must be in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("the body must not be compressed")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError("Content-Length is no number")
    # Compared by digits first: int() of a million digits takes long.
    if len(length.lstrip("0")) > 18 or int(length) > max_bytes:
        raise TooLargeError(too_large(max_bytes))


def too_slow(seconds: float) -> str:
    """Return the message about a body that did not arrive in time."""
    return f"the body took more than {seconds:.0f} seconds"


def too_large(max_bytes: int) -> str:
    """Return the message about a body of more than `max_bytes`."""
    return f"the body is larger than {max_bytes} bytes; split the recipients, or use `rollcall send`"
