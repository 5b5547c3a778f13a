"""Kind `smtp`: the progress of an e-mail decides its result."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.provider import NO_FREE_CONNECTION
from providers.smtp import SmtpEntry, SmtpProvider
from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act, MailServer
from tests.support.drafts import send
from tests.support.polling import wait_until

HANGS = "hangs@example.com"
REFUSED = "refused@example.com"


class Listening(Protocol):
    """Server on a port of loopback."""

    port: int


def a_message(delivery_id: str = "log_1", *, to: str = "somebody@example.com", **other: Any) -> Message:
    usual = {"text": "Hello", "subject": "Hi", "is_html": False, "reference": None, "tenant_id": "tnt_1"}
    return Message(delivery_id, Channel.EMAIL, to, **{**usual, **other})


def a_provider(server: Listening, **entry: Any) -> SmtpProvider:
    usual = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
    return SmtpProvider(SmtpEntry.model_validate({**usual, "sender": "us@example.org", **entry}))


@pytest.fixture(params=[False, True], ids=["one by one", "pipelined"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[MailServer]:
    peer = MailServer({HANGS: Act.HANG, REFUSED: Act.REFUSE}, pipelining=request.param)
    async with peer.running():
        yield peer


async def ask(server: MailServer, message: Message | None = None, **entry: Any) -> SendResult:
    """Send once through a new provider."""
    provider = a_provider(server, **entry)
    answer = await send(provider, message or a_message())
    await provider.aclose()
    return answer


def later(error: str) -> Retry:
    return Retry(Reason.UNAVAILABLE, error)


def refused(error: str) -> Failed:
    return Failed(Reason.REJECTED, error)


def uncertain(error: str) -> Uncertain:
    return Uncertain(Reason.NO_ANSWER, error)


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("end", ["cut", "silence"])
async def test_a_mail_that_fails_before_the_end_of_its_content_was_not_accepted(
    server: MailServer,
    command: str,
    end: str,
) -> None:
    server.replies[command] = "" if end == "cut" else "-"

    answer = await ask(server, timeout_seconds=5 if end == "cut" else 0.3)

    assert isinstance(answer, Retry)
    assert answer.reason is Reason.UNAVAILABLE


async def test_a_mail_that_is_cut_in_its_content_was_not_accepted(server: MailServer) -> None:
    server.replies["content"] = ""

    answer = await ask(server, a_message(text=("x" * 70 + "\r\n") * 100_000))

    assert answer == later("content: connection cut")


@pytest.mark.parametrize(("reply", "word"), [("", "connection cut"), ("-", "timed out")])
async def test_a_mail_that_fails_after_the_dot_is_uncertain(server: MailServer, reply: str, word: str) -> None:
    server.replies["dot"] = reply

    answer = await ask(server, timeout_seconds=0.5)

    assert answer == uncertain(f"end of data: {word}")
    assert server.arrived == 1


async def test_connections_are_kept_and_used_by_one_mail_at_a_time(server: MailServer) -> None:
    provider = a_provider(server, connections=2)
    for number in range(5):
        await send(provider, a_message(f"log_{number}"))
    one = server.connections
    await asyncio.gather(*(send(provider, a_message(f"log_{number}")) for number in range(5, 30)))
    await provider.aclose()

    assert one == 1
    assert server.connections == 2
    assert len(set(server.taken)) == 30


async def test_a_connection_that_the_server_closed_is_replaced(server: MailServer) -> None:
    provider = a_provider(server)
    await send(provider, a_message("log_1"))
    server.drop_connections()
    await wait_until(lambda: not provider._pool.open, seconds=10)
    answer = await send(provider, a_message("log_2"))
    await provider.aclose()

    assert isinstance(answer, Sent)
    assert server.connections == 2


async def test_after_a_refusal_the_same_connection_goes_on(server: MailServer) -> None:
    provider = a_provider(server)
    await send(provider, a_message("log_1", to=REFUSED))

    answer = await send(provider, a_message("log_2"))
    await provider.aclose()

    assert isinstance(answer, Sent)
    assert server.connections == 1
    # This server asks for the pipelined e-mail all the same, and a lone dot ends it. Otherwise the next one resets it.
    given_up = "DATA" if "PIPELINING" in server.extensions else "RSET"
    commands = " ".join(line.split()[0] for line in server.commands)
    assert commands == f"EHLO MAIL RCPT {given_up} MAIL RCPT DATA QUIT"


async def test_a_send_without_a_free_connection_in_time_uses_no_attempt(server: MailServer) -> None:
    provider = a_provider(server, connections=1, timeout_seconds=0.5)

    hanging, waiting = await asyncio.gather(
        send(provider, a_message("log_1", to=HANGS)), send(provider, a_message("log_2"))
    )
    await provider.aclose()

    assert isinstance(hanging, Uncertain)
    assert waiting == NO_FREE_CONNECTION


async def test_the_size_is_named_where_the_server_asks_for_it(server: MailServer) -> None:
    await ask(server)

    mail = next(line for line in server.commands if line.startswith("MAIL"))
    assert mail == f"MAIL FROM:<us@example.org> SIZE={len(server.mails[0])}"


@pytest.mark.parametrize("offered", [True, False])
async def test_an_address_beyond_ascii_needs_a_server_that_takes_it(server: MailServer, *, offered: bool) -> None:
    if offered:
        server.extensions.append("SMTPUTF8")

    answer = await ask(server, a_message(to="用户@example.com"))

    if offered:
        assert isinstance(answer, Sent)
        assert "RCPT TO:<用户@example.com>" in server.commands
        assert any(line.endswith(" BODY=8BITMIME SMTPUTF8") for line in server.commands)
    else:
        assert answer == refused("the server does not support addresses in UTF-8")
        assert not any(line.startswith("MAIL") for line in server.commands)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (a_message(subject="Hi\r\nBcc: all@example.com"), Reason.INVALID_CONTENT),
        (a_message(subject="Hi\nBcc: all@example.com"), Reason.INVALID_CONTENT),
        (a_message(subject="Hi\u2028Bcc: all@example.com"), Reason.INVALID_CONTENT),
        (a_message(subject="\ud800"), Reason.INVALID_CONTENT),
        (a_message(text="\ud800"), Reason.INVALID_CONTENT),
        (a_message(to="a@example.com\r\nRCPT TO:<all@example.com>"), Reason.INVALID_CONTENT),
        (a_message("log_1\r\nBcc: all@example.com"), Reason.INVALID_CONTENT),
        (a_message(to="a@example.com> SIZE=1"), Reason.INVALID_RECIPIENT),
        (a_message(to="a@example.com,b@example.com"), Reason.INVALID_RECIPIENT),
        (a_message(to="nobody"), Reason.INVALID_RECIPIENT),
    ],
)
async def test_text_that_would_break_a_header_or_command_is_refused(
    server: MailServer,
    message: Message,
    reason: Reason,
) -> None:
    answer = await ask(server, message)

    assert isinstance(answer, Failed)
    assert answer.reason is reason
    assert [line.split()[0] for line in server.commands] == ["EHLO", "QUIT"]


async def test_a_check_names_the_sender_and_says_when_it_is_refused(server: MailServer) -> None:
    server.replies["MAIL"] = "550 5.7.1 us@example.org is not yours"
    provider = a_provider(server)

    assert await provider.check() == "MAIL: SMTP 550"

    await provider.aclose()
    assert [line.split()[0] for line in server.commands] == ["EHLO", "MAIL", "QUIT"]


async def test_a_close_during_a_mail_closes_its_connection_too(server: MailServer) -> None:
    provider = a_provider(server, timeout_seconds=0.5)
    task = asyncio.create_task(send(provider, a_message(to=HANGS)))
    await wait_until(lambda: server.arrived == 1, seconds=10)

    await provider.aclose()

    assert isinstance(await task, Uncertain)
    await wait_until(lambda: not server.open_connections, seconds=10)
