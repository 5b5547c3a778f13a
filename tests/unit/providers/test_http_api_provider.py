"""The calls of a vendor: how a batch is divided, and what a message gets whose call did not end well."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest
from aiohttp import web

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.draft import WITHDRAWN, Draft, UnsendableError
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, OneForAll, Results
from providers.http_api_provider import HttpApiProvider
from providers.http_batch import NOT_REACHED
from providers.http_entry import VendorEntry
from providers.provider import offer
from schemas.statuses import Channel, Reason
from tests.support.drafts import ENDLESS

REFUSED = Failed(Reason.REJECTED, "vendor 7")
BLOCKED = Failed(Reason.BLOCKED, "vendor 8")


class Vendor(HttpApi[str]):
    """Vendor that takes lists of addresses. What its answers mean is up to a test."""

    batch_size = 100

    def __init__(self, url: str, meaning: Callable[[Sequence[str]], Results], most: int = 100) -> None:
        self.check_url = self._url = url
        self._meaning, self._most = meaning, most

    def encode(self, message: Message) -> str:
        if message.to == "unsendable":
            raise UnsendableError(BLOCKED)
        return message.to

    def groups(self, messages: Sequence[str]) -> list[list[int]]:
        places = range(len(messages))
        return [list(places[begin : begin + self._most]) for begin in places[:: self._most]]

    def request(self, messages: Sequence[str]) -> HttpRequest:
        if "poison" in messages:
            raise ValueError(messages)
        return HttpRequest(self._url, ",".join(messages).encode())

    def results(self, messages: Sequence[str], answer: ApiAnswer) -> Results:
        assert answer.status == 200
        return self._meaning(messages)


class Server:
    """HTTP server that keeps the calls, and hangs at an address that asks for it."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        call = (await request.text()).split(",")
        self.calls.append(call)
        if "hang" in call:
            await asyncio.sleep(60)
        return web.Response()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        app = web.Application()
        app.router.add_post("/", self.take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield self
        finally:
            await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server().running() as server:
        yield server


def sent(messages: Sequence[str]) -> list[SendResult]:
    return [Sent(address) for address in messages]


def _same(message: Message) -> Message:
    return message


async def send(
    server: Server,
    *addresses: str,
    meaning: Callable[[Sequence[str]], Results] = sent,
    most: int = 100,
    concurrency: int = 1,
    timeout_seconds: float = 1,
    may_leave: Callable[[], bool] = lambda: True,
    wait_for_rate: Callable[[int], Awaitable[bool]] | None = None,
) -> list[SendResult]:
    entry = {
        "kind": "vendor",
        "name": "vendor",
        "channel": "sms",
        "base_url": server.url,
        "timeout_seconds": timeout_seconds,
    }
    parsed = VendorEntry.model_validate({**entry, "concurrency": concurrency})
    provider = HttpApiProvider(parsed, Vendor(server.url, meaning, most), None)
    drafts = []
    for number, to in enumerate(addresses):
        message = Message(f"log_{number}", Channel.SMS, to, "Hello", None, False, None, "tnt_1")
        drafts.append(Draft(message.id, partial(_same, message), 0, ENDLESS))
        drafts[-1].may_leave = may_leave
        drafts[-1].wait_for_rate = wait_for_rate or drafts[-1].wait_for_rate
    results = await offer(provider, drafts)
    await provider.aclose()
    return results


async def test_a_refusal_that_names_the_messages_leaves_one_more_call_for_the_others(server: Server) -> None:
    def meaning(messages: Sequence[str]) -> Results:
        wrong = tuple(place for place, address in enumerate(messages) if address.startswith("bad"))
        return OneForAll(REFUSED, wrong) if wrong else sent(messages)

    results = await send(server, "a", "bad1", "b", "bad2", meaning=meaning)
    assert results == [Sent("a"), REFUSED, Sent("b"), REFUSED]
    assert server.calls == [["a", "bad1", "b", "bad2"], ["a", "b"]]


async def test_a_refusal_that_names_no_message_is_found_in_halves(server: Server) -> None:
    results = await send(server, *"abcdefg", "bad", meaning=refuse_bad)
    assert results == [*sent("abcdefg"), REFUSED]
    assert sorted(len(call) for call in server.calls) == [1, 1, 2, 2, 4, 4, 8]


def refuse_bad(messages: Sequence[str]) -> Results:
    return OneForAll(REFUSED) if "bad" in messages else sent(messages)


async def test_each_message_that_is_sent_once_more_waits_for_the_rate(server: Server) -> None:
    waits: list[int] = []

    async def wait(number: int) -> bool:
        assert sum(map(len, server.calls)) == 8 + sum(waits)
        waits.append(number)
        return True

    results = await send(server, *"abcdefg", "bad", meaning=refuse_bad, wait_for_rate=wait)
    assert results == [*sent("abcdefg"), REFUSED]
    assert sorted(waits) == [1, 1, 2, 2, 4, 4]


async def test_messages_whose_first_call_was_not_divided_wait_for_no_rate(server: Server) -> None:
    async def refuse(number: int) -> bool:
        raise AssertionError(number)

    assert await send(server, *"abcd", most=1, wait_for_rate=refuse) == sent("abcd")


@pytest.mark.parametrize("is_closed", [True, False])
async def test_messages_for_which_the_rate_has_no_room_in_time_are_not_in_doubt(
    server: Server,
    is_closed: bool,  # noqa: FBT001
) -> None:
    async def wait(_: int) -> bool:
        await asyncio.sleep(0 if is_closed else 60)
        return False

    results = await send(server, *"abc", "bad", meaning=refuse_bad, wait_for_rate=wait)
    assert results == [Retry(Reason.UNAVAILABLE, REFUSED.error)] * 4
    assert len(server.calls) == 1


async def test_a_division_of_which_nothing_comes_counts_as_a_try(server: Server) -> None:
    """Otherwise a slow vendor would be called for the same messages for ever."""

    def slow_refusal(_: Sequence[str]) -> Results:
        time.sleep(0.3)
        return OneForAll(REFUSED)

    results = await send(server, *"abcdefgh", meaning=slow_refusal)
    assert results == [Retry(Reason.UNAVAILABLE, REFUSED.error)] * 8


async def test_a_fault_of_the_rule_for_calls_makes_each_call_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Vendor, "groups", lambda *_: 1 / 0)
    assert await send(server, *"abc") == sent("abc")
    assert sorted(server.calls) == [["a"], ["b"], ["c"]]


async def test_a_refusal_that_blames_no_message_is_not_divided(server: Server) -> None:
    results = await send(server, *"abc", meaning=lambda _: OneForAll(REFUSED, blames_no_message=True))
    assert (results, len(server.calls)) == ([REFUSED] * 3, 1)


async def test_a_message_that_cannot_be_made_or_written_does_not_harm_the_others(server: Server) -> None:
    results = await send(server, "a", "poison", "unsendable", "b")
    assert results == [Sent("a"), Failed(Reason.INVALID_CONTENT, "preparing: ValueError"), BLOCKED, Sent("b")]


async def test_a_vendor_that_asks_to_wait_is_not_called_for_the_rest(server: Server) -> None:
    wait = Retry(Reason.RATE_LIMITED, "HTTP 429", 5)
    results = await send(server, *"abcd", meaning=lambda _: OneForAll(wait), most=1)
    assert (results, server.calls) == ([wait, *[replace(wait, offered=False)] * 3], [["a"]])


async def test_a_call_that_is_refused_for_now_ends_no_message_of_another_call(server: Server) -> None:
    def meaning(messages: Sequence[str]) -> Results:
        return OneForAll(Retry(Reason.UNAVAILABLE, "HTTP 404")) if "a" in messages else sent(messages)

    results = await send(server, *"abc", meaning=meaning, most=1)
    assert results == [Retry(Reason.UNAVAILABLE, "HTTP 404"), *sent("bc")]


async def test_calls_of_a_batch_take_as_many_connections_as_are_free(server: Server) -> None:
    results = await send(server, *"abc", "hang", *"defg", most=1, concurrency=2)
    lost = Uncertain(Reason.NO_ANSWER, "waiting for an answer: timed out")
    assert results == [*sent("abc"), lost, *sent("defg")]


async def test_a_batch_does_not_wait_for_connections_that_it_no_longer_needs(server: Server) -> None:
    async with asyncio.timeout(60):
        assert await send(server, *"abc", most=1, timeout_seconds=300) == sent("abc")


async def test_calls_that_the_time_did_not_reach_are_not_in_doubt(server: Server) -> None:
    results = await send(server, "a", "hang", "b", most=1)
    assert results == [Sent("a"), Uncertain(Reason.NO_ANSWER, "waiting for an answer: timed out"), NOT_REACHED]


@pytest.mark.parametrize(
    "meaning", [lambda _: [], lambda _: [Sent()] * 2, lambda _: OneForAll(REFUSED, (3,)), lambda _: 1 / 0]
)
async def test_an_answer_that_fits_no_message_leaves_each_uncertain(
    server: Server, meaning: Callable[[Sequence[str]], Results]
) -> None:
    results = await send(server, *"abc", meaning=meaning)
    assert [type(result) for result in results] == [Uncertain] * 3
    assert len(server.calls) == 1


@pytest.mark.parametrize("asked_before", range(4))
async def test_messages_that_may_not_leave_any_more_are_certainly_not_sent(server: Server, asked_before: int) -> None:
    """The answer changes while the messages are made, or right before the first byte of the call."""
    answers = iter([True] * asked_before + [False] * 10)
    results = await send(server, *"abc", may_leave=lambda: next(answers))
    assert WITHDRAWN in results
    assert set(results) <= {WITHDRAWN, Sent("a"), Sent("b"), Sent("c")}
    assert sum(map(len, server.calls)) == sum(isinstance(result, Sent) for result in results)
