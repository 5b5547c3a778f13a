"""Bounds on bodies: bytes, time, and the number of large bodies at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.requests import Request

from producer.errors import TooLargeError, TooSlowError
from producer.http.request_bodies import LARGE_BYTES, MAX_LARGE_BODIES, RequestBodyReader

MAX_BYTES = 2 * LARGE_BYTES


def a_request(chunks: Iterator[bytes], last: asyncio.Event | None = None) -> Request:
    """Return a request whose body arrives in these chunks. Its end arrives with the event."""

    async def receive() -> dict[str, Any]:
        for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        if last is not None:
            await last.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(b"content-type", b"application/json")]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_body_has_the_bytes_that_were_sent() -> None:
    async with RequestBodyReader(MAX_BYTES).read(a_request(iter([b"ab", b"", b"cd"]))) as body:
        assert body == b"abcd"


async def test_a_byte_order_mark_before_a_body_is_dropped() -> None:
    async with RequestBodyReader(MAX_BYTES).read(a_request(iter([b"\xef", b"\xbb\xbf{}\xef\xbb\xbf"]))) as body:
        assert body == b"{}\xef\xbb\xbf"


async def test_a_body_that_does_not_end_in_time_is_refused() -> None:
    request = a_request(iter([b"{"]), asyncio.Event())
    with pytest.raises(TooSlowError) as caught:
        async with RequestBodyReader(MAX_BYTES, 0.01).read(request):
            pass
    assert caught.value.headers["Connection"] == "close"


async def test_a_body_that_does_not_end_at_all_is_not_read_for_ever() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b" " * 1000

    with pytest.raises(TooLargeError):
        async with RequestBodyReader(MAX_BYTES).read(a_request(endless())):
            pass
    assert read <= MAX_BYTES + 1000


async def test_the_number_of_large_bodies_is_limited_and_small_ones_do_not_wait() -> None:
    bodies = RequestBodyReader(MAX_BYTES)
    arrived, may_go = 0, asyncio.Event()

    async def hold() -> None:
        nonlocal arrived
        async with bodies.read(a_request(iter([b" " * (LARGE_BYTES + 1)]))):
            arrived += 1
            await may_go.wait()

    async with AsyncExitStack() as held:
        tasks = [asyncio.create_task(hold()) for _ in range(MAX_LARGE_BODIES + 1)]
        held.push_async_callback(asyncio.gather, *tasks)
        for _ in range(20):
            await asyncio.sleep(0)
        assert arrived == MAX_LARGE_BODIES
        async with bodies.read(a_request(iter([b"small"]))) as body:
            assert body == b"small"
        may_go.set()
    assert arrived == MAX_LARGE_BODIES + 1
