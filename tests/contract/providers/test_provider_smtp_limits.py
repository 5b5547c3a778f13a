"""Kind `smtp` at a server that takes fewer connections than the entry allows. Its limit costs no mail an attempt."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from core.send_result import Message, Retry, SendResult, Sent
from providers.shrinking_limit import GROW_SECONDS
from providers.smtp import SmtpEntry, SmtpProvider
from providers.smtp_pool import REFUSED_SECONDS
from schemas.statuses import Channel, Reason
from tests.contract.providers.limited_mail_server import PASSWORD, LimitedMailServer
from tests.support.clock import ManualClock
from tests.support.drafts import send
from tests.support.polling import wait_until

LOGIN = {"username": "us", "password": PASSWORD}


@pytest.fixture
async def server() -> AsyncIterator[LimitedMailServer]:
    peer = LimitedMailServer(most_connections=2)
    async with peer.running():
        yield peer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def a_provider(server: LimitedMailServer, clock: ManualClock, **entry: Any) -> SmtpProvider:
    usual = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
    parsed = SmtpEntry.model_validate({**usual, "sender": "us@example.org", "timeout_seconds": 60, **entry})
    return SmtpProvider(parsed, monotonic=clock)


async def send_all(provider: SmtpProvider, numbers: Iterable[int]) -> list[SendResult]:
    messages = (
        Message(f"log_{number}", Channel.EMAIL, f"r{number}@example.com", "Hello", "Hi", False, None, "tnt_1")
        for number in numbers
    )
    return await asyncio.gather(*(send(provider, message) for message in messages))


def all_sent(answers: Iterable[SendResult]) -> bool:
    return all(isinstance(answer, Sent) for answer in answers)


REFUSALS = [
    "421 4.7.0 Too many concurrent SMTP connections",
    "421-4.3.2 The maximum number of concurrent connections\r\n421 4.3.2 has exceeded a limit",
    "432 4.3.2 Concurrent connections limit exceeded",
    "450 4.7.1 too many connections from you",
    "554 5.7.0 too many connections",
    None,
]


@pytest.mark.parametrize("refuses_with", REFUSALS)
async def test_mails_wait_for_the_connections_that_the_server_takes(
    server: LimitedMailServer, clock: ManualClock, refuses_with: str | None
) -> None:
    server.refuses_with = refuses_with
    provider = a_provider(server, clock)

    answers = await send_all(provider, range(60))
    await provider.aclose()

    assert all_sent(answers)
    assert len(set(server.taken)) == len(server.taken) == 60
    assert server.counts["connection"] == 6  # of the first 8, and none after them


class LateRefusals(LimitedMailServer):
    """Mail server that greets everybody, and refuses a connection too many at a later command."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self._command = command
        self._served: set[asyncio.StreamWriter] = set()

    def _answer(self, command: str, line: str, writer: asyncio.StreamWriter) -> str:
        if command == self._command and writer not in self._served:
            if len(self._served) == 2:
                return self._refused("connection", "421 4.3.2 too many of you")
            self._served.add(writer)
        return super()._answer(command, line, writer)


@pytest.mark.parametrize("command", ["EHLO", "AUTH", "MAIL"])
async def test_a_limit_that_is_shown_after_the_greeting_is_one_too(clock: ManualClock, command: str) -> None:
    server = LateRefusals(command)
    async with server.running():
        provider = a_provider(server, clock, **LOGIN)
        answers = await send_all(provider, range(30))
        await provider.aclose()

    assert all_sent(answers)
    assert server.counts["connection"] == 6


async def test_the_number_of_connections_grows_again_by_one_at_a_time(
    server: LimitedMailServer, clock: ManualClock
) -> None:
    provider = a_provider(server, clock)
    await send_all(provider, range(20))
    server.most_connections = 100

    open_at_once = []
    for _ in range(3):
        clock.now += GROW_SECONDS
        await send_all(provider, range(20))
        open_at_once.append(server.most_open)
    clock.now += 100 * GROW_SECONDS
    await send_all(provider, range(20))
    await provider.aclose()

    assert open_at_once == [3, 4, 5]
    assert server.most_open == 8


async def test_a_connection_tried_too_early_costs_no_mail_an_attempt(
    server: LimitedMailServer, clock: ManualClock
) -> None:
    provider = a_provider(server, clock)
    await send_all(provider, range(20))
    clock.now += GROW_SECONDS

    answers = await send_all(provider, range(20, 40))
    await provider.aclose()

    assert all_sent(answers)
    assert server.counts["connection"] == 7


async def test_without_any_connection_a_refused_mail_waits_and_the_server_is_not_asked_for_each_mail(
    server: LimitedMailServer, clock: ManualClock
) -> None:
    server.most_connections = 0
    provider = a_provider(server, clock)

    answers = await send_all(provider, range(100))
    at_once = server.connections
    await send_all(provider, range(100))
    clock.now += REFUSED_SECONDS
    later = await send_all(provider, range(100))
    asked_later = server.connections - at_once
    server.most_connections = 2
    clock.now += REFUSED_SECONDS
    finally_sent = await send_all(provider, range(100))
    await provider.aclose()

    assert {*answers, *later} == {Retry(Reason.RATE_LIMITED, "connecting: SMTP 421")}
    assert at_once <= 8
    assert asked_later == 1
    assert all_sent(finally_sent)


async def test_a_server_that_is_down_costs_an_attempt(server: LimitedMailServer, clock: ManualClock) -> None:
    server.most_connections, server.refuses_with = 0, None
    provider = a_provider(server, clock)

    answers = await send_all(provider, range(20))
    await provider.aclose()

    assert {*answers} == {Retry(Reason.UNAVAILABLE, "connecting: connection cut")}


async def test_a_mail_that_waits_too_long_for_a_connection_uses_no_attempt(
    server: LimitedMailServer, clock: ManualClock
) -> None:
    server.seconds_per_mail = 0.3
    provider = a_provider(server, clock, timeout_seconds=1.0)

    answers = await send_all(provider, range(30))
    await provider.aclose()

    assert {type(answer) for answer in answers} == {Sent, Retry}
    assert {answer.reason for answer in answers if isinstance(answer, Retry)} == {Reason.RATE_LIMITED}


async def test_a_connection_that_hangs_while_it_is_opened_uses_no_attempt_if_another_one_is_open(
    server: LimitedMailServer, clock: ManualClock
) -> None:
    server.refuses_with, server.most_connections = "", 1
    server.seconds_per_mail = 0.1
    provider = a_provider(server, clock, timeout_seconds=1.0, connections=2)

    answers = await send_all(provider, range(4))
    await provider.aclose()

    assert not [answer for answer in answers if isinstance(answer, Retry) and answer.reason is Reason.UNAVAILABLE]


async def test_a_limit_of_mails_per_connection_costs_no_attempt(clock: ManualClock) -> None:
    server = LimitedMailServer(mails_per_connection=5)
    async with server.running():
        provider = a_provider(server, clock, connections=2)
        answers = await send_all(provider, range(60))
        await provider.aclose()

    assert all_sent(answers)
    assert len(server.taken) == 60
    assert server.counts["mail"] >= 10


async def test_a_login_that_is_refused_is_tried_again_and_works_once_it_is_right(
    server: LimitedMailServer, clock: ManualClock
) -> None:
    server.login_fails, server.most_connections = True, 100
    provider = a_provider(server, clock, **LOGIN)

    refused = [answer for _ in range(20) for answer in await send_all(provider, range(5))]
    logins = server.counts["login"]
    server.login_fails = False
    clock.now += REFUSED_SECONDS
    answers = await send_all(provider, range(5))
    await provider.aclose()

    assert {*refused} == {Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "AUTH: SMTP 535")}
    assert logins == 5  # of the connections that were opened together, and none after them
    assert all_sent(answers)


async def test_a_login_that_ends_during_a_campaign_is_renewed(server: LimitedMailServer, clock: ManualClock) -> None:
    provider = a_provider(server, clock, **LOGIN)
    await send_all(provider, range(5))
    server.needs_login = True
    server.log_out_all()

    answers = await send_all(provider, range(5))
    await provider.aclose()

    assert all_sent(answers)


async def test_an_idle_connection_is_closed_soon_once_the_server_has_shown_a_limit(
    server: LimitedMailServer, clock: ManualClock
) -> None:
    provider = a_provider(server, clock)
    await send_all(provider, range(20))

    await wait_until(lambda: server.open_connections == 0, seconds=10)
    await provider.aclose()
