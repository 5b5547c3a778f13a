"""Reading of bodies, bounded in bytes, in time, and in the number of large bodies in memory."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from email.message import Message
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request

from producer.errors import BadRequestError, TooLargeError, TooSlowError, UnavailableError, UnsupportedMediaTypeError

LARGE_BYTES = 256 * 1024
"""Size in bytes above which a body counts as large."""
MAX_LARGE_BODIES = 3
"""Maximum number of large bodies in memory. The next one waits before it is read further."""
BODY_TIMEOUT_SECONDS = 60
"""Maximum time in seconds for a body to arrive."""
SLOT_TIMEOUT_SECONDS = 30
"""Maximum time in seconds for which a large body waits for its slot."""
MAX_MEDIA_TYPE_LENGTH = 1_000
"""Maximum length of a `Content-Type`. Python reads its parameters in quadratic time."""
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""Charsets whose text is UTF-8 too."""

T = TypeVar("T")


class RequestBodyReader:
    """Reads bodies, and runs the work on large ones one at a time."""

    def __init__(self, max_bytes: int, timeout_seconds: float = BODY_TIMEOUT_SECONDS) -> None:
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._large_body_slots = asyncio.Semaphore(MAX_LARGE_BODIES)
        self._large_body_lock = asyncio.Lock()

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytearray]:
        """Read the whole body. Raises ApiError if it is too large, too slow, or not JSON by its headers."""
        check_headers(request.headers, self._max_bytes)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    body = await self._read(request, stack)
            except TimeoutError:
                raise TooSlowError(too_slow_message(self._timeout_seconds)) from None
            if body.startswith(codecs.BOM_UTF8):  # RFC 8259, 8.1: parsers may ignore it
                del body[: len(codecs.BOM_UTF8)]
            yield body

    async def run_bounded(self, body: bytearray, work: Callable[[], Awaitable[T]]) -> T:
        """Run the work at once for a small body, and one at a time for large ones.

        Waiting work takes no additional memory.
        """
        if len(body) <= LARGE_BYTES:
            return await work()
        async with self._large_body_lock:
            return await work()

    async def _read(self, request: Request, stack: AsyncExitStack) -> bytearray:
        body = bytearray()
        async for chunk in request.stream():
            if len(body) <= LARGE_BYTES < len(body) + len(chunk):
                await self._acquire_slot(stack)
            body += chunk
            if len(body) > self._max_bytes:
                raise TooLargeError(too_large_message(self._max_bytes))
        return body

    async def _acquire_slot(self, stack: AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(SLOT_TIMEOUT_SECONDS):
                await stack.enter_async_context(self._large_body_slots)
        except TimeoutError:
            raise UnavailableError("too many large requests at the moment. Nothing was sent.") from None


def check_headers(headers: Headers, max_bytes: int) -> None:
    """Raise ApiError if the headers show a body that is not plain JSON in UTF-8, or too large."""
    _check_media_type(headers.get("content-type", ""))
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("the body must not be compressed")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError("Content-Length must be a number")
    # The number of digits is compared first: int() of a million digits takes long.
    if len(length.lstrip("0")) > 18 or int(length) > max_bytes:
        raise TooLargeError(too_large_message(max_bytes))


def _check_media_type(value: str) -> None:
    """Raise UnsupportedMediaTypeError unless it is JSON in UTF-8. Unknown parameters are ignored (RFC 9110, 8.3.1)."""
    message = Message()
    message["Content-Type"] = value if len(value) <= MAX_MEDIA_TYPE_LENGTH else ""
    if message.get_content_type() != "application/json":
        raise UnsupportedMediaTypeError("Content-Type must be application/json")
    if message.get_content_charset("utf-8") not in _UTF_8:
        raise UnsupportedMediaTypeError("Content-Type names another charset. The body must be in UTF-8.")


def too_slow_message(seconds: float) -> str:
    """Return the message about a body that did not arrive in time."""
    return f"the body took more than {seconds:.0f} seconds"


def too_large_message(max_bytes: int) -> str:
    """Return the message about a body of more than `max_bytes`."""
    return f"the body is larger than {max_bytes} bytes. Split the recipients or use `rollcall send`."
