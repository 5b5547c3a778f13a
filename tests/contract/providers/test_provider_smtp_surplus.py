"""Kind `smtp` at a server that says more than it was asked. No mail gets the answer of another one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.send_result import Retry, Sent, Uncertain
from schemas.statuses import Reason
from tests.contract.providers.servers import Act, MailServer
from tests.contract.providers.test_provider_smtp import a_message, a_provider
from tests.support.drafts import send
from tests.support.polling import wait_until

REFUSED = "refused@example.com"
TOO_MUCH = ["250 ok", "550 5.7.1 no", "421 4.4.2 bye\r\n250 ok", "354 go on", "xyz", "250-", "250 ok\r\n250 ok"]
STEPS = {"greeting": "220 ready", "EHLO": "250 here", "AUTH": "235 ok", "MAIL": "250 ok", "RCPT": "250 ok"}
LOGIN = {"username": "us", "password": "right"}


@pytest.fixture(params=[False, True], ids=["one by one", "pipelined"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[MailServer]:
    peer = MailServer({REFUSED: Act.REFUSE}, pipelining=request.param)
    peer.extensions.append("AUTH PLAIN")
    async with peer.running():
        yield peer


@pytest.mark.parametrize("surplus", TOO_MUCH)
@pytest.mark.parametrize("step", [*STEPS, "DATA"])
async def test_a_mail_before_its_end_is_tried_again_and_the_connection_is_dropped(
    server: MailServer, step: str, surplus: str
) -> None:
    usual = {**STEPS, "EHLO": "250-here\r\n250 AUTH PLAIN", "DATA": "354 go on"}
    server.replies = {"AUTH": "235 ok"} | {step: f"{usual[step]}\r\n{surplus}"}
    provider = a_provider(server, **LOGIN)

    answer = await send(provider, a_message("log_1"))
    server.replies = {"AUTH": "235 ok"}
    after = await send(provider, a_message("log_2"))
    refused = await send(provider, a_message("log_3", to=REFUSED))
    await provider.aclose()

    if "PIPELINING" in server.extensions and (step, surplus) == ("MAIL", "250-"):
        return  # with the reply to RCPT, which follows, it is one reply of two lines
    assert isinstance(answer, Retry)
    assert answer.reason is Reason.UNAVAILABLE
    assert isinstance(after, Sent)
    assert type(refused).__name__ == "Failed"
    assert server.taken == ["log_2"]
    assert server.connections == 2


async def test_what_comes_before_the_encryption_ends_the_connection(server: MailServer) -> None:
    server.extensions.append("STARTTLS")
    server.replies = {"STARTTLS": "220 go on\r\n250 AUTH PLAIN"}
    provider = a_provider(server, tls="starttls")

    answer = await send(provider, a_message("log_1"))
    await provider.aclose()

    assert answer == Retry(Reason.UNAVAILABLE, "STARTTLS: unexpected answer")
    assert [command.split()[0] for command in server.commands] == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize("reply", ["250 2.0.0 queued", "550 5.7.1 spam", "451 later"])
@pytest.mark.parametrize("surplus", TOO_MUCH)
async def test_a_mail_after_its_end_is_uncertain_and_the_connection_is_dropped(
    server: MailServer, reply: str, surplus: str
) -> None:
    server.replies = {"dot": f"{reply}\r\n{surplus}"}
    provider = a_provider(server)

    answer = await send(provider, a_message("log_1"))
    server.replies = {}
    after = await send(provider, a_message("log_2"))
    await provider.aclose()

    assert answer == Uncertain(Reason.NO_ANSWER, "end of data: unexpected answer")
    assert isinstance(after, Sent)
    assert server.connections == 2


async def test_a_server_that_says_goodbye_after_a_mail_has_answered_it(server: MailServer) -> None:
    server.replies = {"dot": "250 2.0.0 queued\r\n421 4.7.0 enough mails"}
    provider = a_provider(server)

    answer = await send(provider, a_message("log_1"))
    server.replies = {}
    after = await send(provider, a_message("log_2"))
    await provider.aclose()

    assert isinstance(answer, Sent)
    assert isinstance(after, Sent)
    assert server.connections == 2


@pytest.mark.parametrize("surplus", [*TOO_MUCH, "421 4.4.2 idle for too long"])
async def test_a_connection_over_which_something_came_unasked_is_not_used_again(
    server: MailServer, surplus: str
) -> None:
    provider = a_provider(server)
    await send(provider, a_message("log_1"))
    server.interject(surplus.encode() + b"\r\n")
    await wait_until(lambda: not provider._pool.open, seconds=10)

    answer = await send(provider, a_message("log_2"))
    await provider.aclose()

    assert isinstance(answer, Sent)
    assert server.connections == 2


class Late(MailServer):
    """Mail server that says a reply too many in a segment of its own, right after the first."""

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: str) -> bool:
        said = await super()._say(reader, writer, reply)
        if said and reply.startswith("354"):
            await asyncio.sleep(0)
            writer.write(b"250 2.0.0 queued\r\n")
        return said


async def test_a_reply_too_many_in_its_own_segment_is_no_answer_to_the_mail() -> None:
    server = Late({})
    server.replies = {"dot": "550 5.7.1 spam"}
    async with server.running():
        provider = a_provider(server)
        answers = [await send(provider, a_message(f"log_{number}")) for number in range(3)]
        await provider.aclose()

    assert not any(isinstance(answer, Sent) for answer in answers)
