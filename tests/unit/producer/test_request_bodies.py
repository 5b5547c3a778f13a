"""Bounds on bodies: bytes, time, rate, and the memory that large bodies take."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from starlette.requests import Request

from producer.errors import TooLargeError, TooSlowError, UnavailableError
from producer.http.body_arrival import ArrivalBounds, ArrivalDeadline
from producer.http.request_bodies import LARGE_BYTES, LARGEST_BODIES, MAX_WAITING_BODIES, RequestBodyReader

MAX_BYTES = 16 * LARGE_BYTES
ANY_RATE = ArrivalBounds(1)
AT_ONCE = ArrivalBounds(1, window_seconds=0.01)


def a_reader(arrival: ArrivalBounds = ANY_RATE) -> RequestBodyReader:
    return RequestBodyReader(MAX_BYTES, arrival)


def a_request(chunks: Iterator[bytes], last: asyncio.Event | None = None, *, length: int | None = None) -> Request:
    """Return a request whose body arrives in these chunks. Its end arrives with the event."""

    async def receive() -> dict[str, Any]:
        for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        if last is not None:
            await last.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(b"content-type", b"application/json")]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


@asynccontextmanager
async def bodies_in_memory(reader: RequestBodyReader, *tenants: str, small: str = "") -> AsyncIterator[list[str]]:
    """Read one body for each tenant and keep it. Yield the tenants whose body has arrived whole so far.

    The bodies have the maximum size, except those of the tenants in `small`, which are just large.
    """
    arrived: list[str] = []
    may_go = asyncio.Event()

    async def hold(tenant: str) -> None:
        size = LARGE_BYTES + 1 if tenant in small.split() else MAX_BYTES
        async with reader.read(a_request(iter([b" " * size]), length=size), tenant):
            arrived.append(tenant)
            await may_go.wait()

    async with AsyncExitStack() as held:
        tasks = [asyncio.create_task(hold(tenant)) for tenant in tenants]
        held.push_async_callback(asyncio.gather, *tasks)
        await turns()
        try:
            yield arrived
        finally:
            may_go.set()


async def turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_body_has_the_bytes_that_were_sent() -> None:
    async with a_reader().read(a_request(iter([b"ab", b"", b"cd"])), "tnt_a") as body:
        assert body == b"abcd"


async def test_a_byte_order_mark_before_a_body_is_dropped() -> None:
    async with a_reader().read(a_request(iter([b"\xef", b"\xbb\xbf{}\xef\xbb\xbf"])), "tnt_a") as body:
        assert body == b"{}\xef\xbb\xbf"


async def test_a_body_that_does_not_end_at_all_is_not_read_for_ever() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b" " * 1000

    with pytest.raises(TooLargeError):
        async with a_reader().read(a_request(endless()), "tnt_a"):
            pass
    assert read <= MAX_BYTES + 1000


@pytest.mark.parametrize("length", [None, 11])
async def test_a_route_may_have_a_smaller_limit(length: int | None) -> None:
    async with a_reader().read(a_request(iter([b"0123456789"])), "tnt_a", max_bytes=10) as body:
        assert len(body) == 10
    with pytest.raises(TooLargeError, match="10 bytes"):
        async with a_reader().read(a_request(iter([b"0123456789a"]), length=length), "tnt_a", max_bytes=10):
            pass


def test_every_window_of_a_body_must_bring_its_bytes() -> None:
    deadline = ArrivalDeadline(ArrivalBounds(100, window_seconds=10, total_seconds=60), now=0)
    assert deadline.at == 10
    deadline.receive(999, now=9)
    assert deadline.at == 10, "a byte is missing"
    deadline.receive(1, now=9.5)
    assert deadline.at == 19.5
    deadline.receive(1_000_000, now=10)
    assert deadline.at == 20, "bytes of the past do not pay for a silence"


def test_a_body_at_a_good_rate_must_still_end() -> None:
    deadline = ArrivalDeadline(ArrivalBounds(1, window_seconds=10, total_seconds=60), now=0)
    for now in range(0, 100, 5):
        deadline.receive(1_000, now)
    assert deadline.at == 60


@pytest.mark.parametrize("length", [None, MAX_BYTES], ids=["in chunks", "with its length"])
async def test_a_body_that_stops_is_refused_and_its_room_is_free_again(length: int | None) -> None:
    reader = a_reader(AT_ONCE)
    stopped = a_request(iter([b" " * (LARGE_BYTES + 1)]), asyncio.Event(), length=length)
    with pytest.raises(TooSlowError) as caught:
        async with reader.read(stopped, "tnt_a"):
            pass
    assert caught.value.headers["Connection"] == "close"
    async with bodies_in_memory(reader, "tnt_a") as arrived:
        assert arrived == ["tnt_a"]


async def test_a_tenant_gets_the_room_of_one_largest_body_and_all_tenants_that_of_three() -> None:
    tenants = ["tnt_a", "tnt_a", "tnt_b", "tnt_c", "tnt_d"]
    async with bodies_in_memory(a_reader(), *tenants) as arrived:
        assert arrived == ["tnt_a", "tnt_b", "tnt_c"]
        assert len(arrived) == LARGEST_BODIES
    assert sorted(arrived) == tenants


async def test_half_bodies_of_one_tenant_delay_no_body_of_another() -> None:
    reader = a_reader()
    half = [a_request(iter([b" " * (LARGE_BYTES + 1)]), asyncio.Event(), length=MAX_BYTES) for _ in range(20)]

    async def begin(request: Request) -> None:
        async with reader.read(request, "tnt_evil"):
            pass

    tasks = [asyncio.create_task(begin(request)) for request in half]
    await turns()
    async with bodies_in_memory(reader, "tnt_a", "tnt_b") as arrived:
        assert arrived == ["tnt_a", "tnt_b"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with bodies_in_memory(reader, "tnt_evil") as arrived:
        assert arrived == ["tnt_evil"]


async def test_a_small_body_waits_for_no_large_one() -> None:
    reader = a_reader()
    async with (
        bodies_in_memory(reader, "tnt_a", "tnt_b", "tnt_c"),
        reader.read(a_request(iter([b"small"])), "tnt_a") as body,
    ):
        assert body == b"small"


async def test_a_large_body_that_waits_is_not_overtaken_by_smaller_ones_of_other_tenants() -> None:
    tenants = ["tnt_a", "tnt_b", "tnt_c", "tnt_d", "tnt_e"]
    async with bodies_in_memory(a_reader(), *tenants, small="tnt_c tnt_e") as arrived:
        assert arrived == tenants[:3], "the fourth body does not fit, although the fifth would"
    assert sorted(arrived) == tenants


async def test_a_body_that_is_mostly_text_takes_room_for_its_copies() -> None:
    tenants = ["tnt_a"] * 6
    async with bodies_in_memory(a_reader(), *tenants, small="tnt_a") as arrived:
        assert len(arrived) == 3, "each takes four times its size of a room of sixteen"
    assert len(arrived) == 6


async def test_few_bodies_of_a_tenant_wait_and_the_others_are_refused_at_once() -> None:
    reader = a_reader()
    async with bodies_in_memory(reader, *["tnt_a"] * (1 + MAX_WAITING_BODIES)):
        with pytest.raises(UnavailableError):
            async with reader.read(a_request(iter([]), length=MAX_BYTES), "tnt_a"):
                pass


async def test_large_bodies_take_half_of_the_time_at_most() -> None:
    loop = asyncio.get_running_loop()
    reader, large, began, ended = a_reader(), bytearray(LARGE_BYTES + 1), [], []

    async def work() -> None:
        began.append(loop.time())
        await asyncio.sleep(0.05)
        ended.append(loop.time())

    await asyncio.gather(*(reader.run_bounded(large, work) for _ in range(3)))
    for at in range(2):
        assert began[at + 1] - ended[at] >= ended[at] - began[at] - 0.002


async def test_a_small_body_does_not_wait_for_the_rest_of_a_large_one() -> None:
    reader, done = a_reader(), []
    reader._rest_ends_at = asyncio.get_running_loop().time() + 60

    async def work(name: str) -> None:
        done.append(name)

    large = asyncio.create_task(reader.run_bounded(bytearray(LARGE_BYTES + 1), partial(work, "large")))
    await asyncio.sleep(0)
    await reader.run_bounded(bytearray(8), partial(work, "small"))
    large.cancel()
    assert done == ["small"]
