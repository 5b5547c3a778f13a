"""Reading of bodies, bounded in bytes, in time, and in the memory that large bodies take."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import Message
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request

from core.request_parts import MAX_SHARED_FIELDS_BYTES
from producer.errors import (
    BadRequestError,
    LongHeaderError,
    TooLargeError,
    TooSlowError,
    UnsupportedMediaTypeError,
)
from producer.http.body_arrival import ArrivalBounds, ArrivalDeadline
from producer.http.tenant_room import RoomBounds, RoomShare, TenantRoom
from producer.responses import JSON

LARGE_BYTES = 64 * 1024
"""Size in bytes above which a body counts as large. It gets room in memory before it is read further."""
LARGEST_BODIES = 3
"""Memory for the large bodies of all tenants, in bodies of the maximum size. One tenant gets the memory of one."""
TEXT_COPIES = 3
"""Number of copies of the text of a request while it is handled: as text, as a template, and in a record."""
ROOM_TIMEOUT_SECONDS = 30
"""Maximum time in seconds for which a large body waits for room."""
MAX_REST_SECONDS = 2.0
"""Maximum time in seconds between the work on two large bodies."""
MAX_WAITING_BODIES = 32
"""Maximum number of bodies of one tenant that wait for room."""
MAX_MEDIA_TYPE_LENGTH = 1_000
"""Maximum length of a `Content-Type`. Python reads its parameters in quadratic time."""
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""Charsets whose text is UTF-8 too."""

T = TypeVar("T")


class RequestBodyReader:
    """Reads bodies, and runs the work on large ones one at a time."""

    def __init__(self, max_bytes: int, arrival: ArrivalBounds) -> None:
        self._max_bytes = max_bytes
        self._arrival = arrival
        self._room = TenantRoom(
            RoomBounds(LARGEST_BODIES * max_bytes, max_bytes, MAX_WAITING_BODIES, ROOM_TIMEOUT_SECONDS),
            "too many large requests at the moment. Nothing was sent.",
        )
        self._large_body_lock, self._rest_ends_at = asyncio.Lock(), 0.0

    @asynccontextmanager
    async def read(
        self, request: Request, tenant_id: str, max_bytes: int | None = None, media_type: str | None = JSON
    ) -> AsyncIterator[bytearray]:
        """Read the whole body. Raises ApiError if it is too large, too slow, or of another type by its headers.

        `max_bytes` is the maximum of a route whose bodies are small. A large body has its room until the end. Without
        `media_type` the body may be of any type, and has every byte that arrived.
        """
        limit = self._max_bytes if max_bytes is None else min(max_bytes, self._max_bytes)
        length = check_headers(request.headers, limit, media_type)
        with self._room.share(tenant_id) as share:
            if length > LARGE_BYTES:
                await share.take(self._memory_of(length))
            body = await self._read(request, limit, share)
            share.shrink_to(self._memory_of(len(body)))
            if media_type is not None and body.startswith(codecs.BOM_UTF8):  # RFC 8259, 8.1: parsers may ignore it
                del body[: len(codecs.BOM_UTF8)]
            yield body

    def _memory_of(self, size: int) -> int:
        """Return the room of a large body: itself and the copies of its text. No body needs more than the largest."""
        return min(size + TEXT_COPIES * min(size, MAX_SHARED_FIELDS_BYTES), self._max_bytes)

    async def run_bounded(self, body: bytearray, work: Callable[[], Awaitable[T]]) -> T:
        """Run the work at once for a small body, and one at a time for large ones.

        After the work on a large body, the next one waits for as long again, 2 s at most, so that large bodies leave
        about half of the time to others. A single one waits for nothing. Waiting work takes no additional memory.
        """
        if len(body) <= LARGE_BYTES:
            return await work()
        clock = asyncio.get_running_loop().time
        async with self._large_body_lock:
            await asyncio.sleep(max(0.0, self._rest_ends_at - clock()))
            began_at = clock()
            try:
                return await work()
            finally:
                self._rest_ends_at = clock() + min(clock() - began_at, MAX_REST_SECONDS)

    async def _read(self, request: Request, limit: int, share: RoomShare) -> bytearray:
        body = bytearray()
        clock = asyncio.get_running_loop().time
        deadline = ArrivalDeadline(self._arrival, clock())
        try:
            async with asyncio.timeout_at(deadline.at) as timeout:
                async for chunk in request.stream():
                    size = len(body) + len(chunk)
                    if size > limit:
                        raise TooLargeError(too_large_message(limit))
                    if size > LARGE_BYTES and not share.size:
                        # The body did not tell its length. It must not wait a second time, so it gets all that it may
                        # need. The wait is not the caller's.
                        timeout.reschedule(None)
                        await share.take(limit)
                        deadline = ArrivalDeadline(self._arrival, clock())
                    body += chunk
                    deadline.receive(len(chunk), clock())
                    timeout.reschedule(deadline.at)
        except TimeoutError:
            raise TooSlowError(too_slow_message(self._arrival)) from None
        return body


def check_headers(headers: Headers, max_bytes: int, media_type: str | None = JSON) -> int:
    """Return the length of the body, or 0 if the headers do not tell it.

    Raises ApiError if they show a body that is not of this type in UTF-8, compressed, or too large. None: of any type.
    """
    if media_type is not None:
        _check_media_type(headers.get("content-type", ""), media_type)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("the body must not be compressed")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError("Content-Length must be a number")
    # The number of digits is compared first: int() of a million digits takes long.
    if len(length.lstrip("0")) > 18 or int(length) > max_bytes:
        raise TooLargeError(too_large_message(max_bytes))
    return int(length)


def _check_media_type(value: str, allowed: str) -> None:
    """Raise UnsupportedMediaTypeError unless it is the allowed one, in UTF-8.

    Unknown parameters are ignored (RFC 9110, 8.3.1).
    """
    if value == allowed:  # the usual one, which needs no parser
        return
    if len(value) > MAX_MEDIA_TYPE_LENGTH:
        raise LongHeaderError("Content-Type", MAX_MEDIA_TYPE_LENGTH)
    message = Message()
    message["Content-Type"] = value
    if message.get_content_type() != allowed:
        raise UnsupportedMediaTypeError(f"Content-Type must be {allowed}")
    if message.get_content_charset("utf-8") not in _UTF_8:
        raise UnsupportedMediaTypeError("Content-Type names another charset. The body must be in UTF-8.")


def too_slow_message(bounds: ArrivalBounds) -> str:
    """Return the message about a body that did not arrive in time."""
    return (
        f"the body arrived too slowly. Send at least {bounds.bytes_per_second:,} bytes per second, "
        f"and all of it within {bounds.total_seconds:.0f} seconds."
    )


def too_large_message(max_bytes: int) -> str:
    """Return the message about a body of more than `max_bytes`."""
    return f"the body is larger than {max_bytes} bytes. Send less in one call."
