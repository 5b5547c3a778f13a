"""Kind `smtp`: copies of an e-mail. The result is that of the recipient alone."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.smtp import SmtpEntry, SmtpProvider
from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act, MailServer
from tests.support.drafts import send

REFUSED, BUSY, HANGS = "refused@example.com", "busy@example.com", "hangs@example.com"
TO, FIRST, SECOND = "somebody@example.com", "first@example.com", "second@example.com"
MAIL = Message("log_1", Channel.EMAIL, TO, "Hello", "Hi", False, None, "tnt_1")


@pytest.fixture(params=[False, True], ids=["one by one", "pipelined"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[MailServer]:
    peer = MailServer({REFUSED: Act.REFUSE, BUSY: Act.UNAVAILABLE, HANGS: Act.HANG}, pipelining=request.param)
    async with peer.running():
        yield peer


async def send_all(server: MailServer, *messages: Message, timeout_seconds: float = 10.0) -> list[SendResult]:
    """Send one message after the other through one provider."""
    usual = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
    entry = {**usual, "sender": "us@example.org", "timeout_seconds": timeout_seconds}
    provider = SmtpProvider(SmtpEntry.model_validate(entry))
    results = [await send(provider, message) for message in messages]
    await provider.aclose()
    return results


def mail(to: str = TO, *cc: str) -> Message:
    return replace(MAIL, to=to, cc=cc)


async def test_the_recipient_and_each_copy_are_named_in_one_mail(server: MailServer) -> None:
    (result,) = await send_all(server, mail(TO, FIRST, SECOND))

    assert result == Sent("log_1@example.org", "SMTP 250 2.0.0")
    named = [line for line in server.commands if line.startswith("RCPT")]
    assert named == [f"RCPT TO:<{address}>" for address in (TO, FIRST, SECOND)]
    assert len(server.mails) == 1
    assert f"\r\nCc: {FIRST}, {SECOND}\r\n".encode() in server.mails[0]


@pytest.mark.parametrize("bad", [REFUSED, BUSY])
async def test_a_refused_copy_does_not_stop_the_mail_and_is_counted_without_its_address(
    server: MailServer, bad: str
) -> None:
    (result,) = await send_all(server, mail(TO, bad, FIRST))

    assert result == Sent("log_1@example.org", "SMTP 250 2.0.0, 1 of 2 CC refused")
    assert len(server.mails) == 1


async def test_a_mail_whose_copies_are_all_refused_is_sent(server: MailServer) -> None:
    (result,) = await send_all(server, mail(TO, REFUSED, BUSY))

    assert result == Sent("log_1@example.org", "SMTP 250 2.0.0, 2 of 2 CC refused")


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (REFUSED, Failed(Reason.REJECTED, "SMTP 550 5.1.1 to RCPT")),
        (BUSY, Retry(Reason.UNAVAILABLE, "SMTP 450 4.2.1 to RCPT")),
    ],
)
async def test_without_its_recipient_a_mail_is_sent_to_no_copy(
    server: MailServer, to: str, expected: SendResult
) -> None:
    results = await send_all(server, mail(to, FIRST), mail())

    assert results == [expected, Sent("log_1@example.org", "SMTP 250 2.0.0")]
    assert f"RCPT TO:<{FIRST}>" not in server.commands
    assert len(server.mails) == 1


async def test_a_mail_with_copies_and_no_answer_stays_uncertain(server: MailServer) -> None:
    (result,) = await send_all(server, mail(HANGS, FIRST), timeout_seconds=0.5)

    assert isinstance(result, Uncertain)
    assert server.arrived == 1


async def test_a_connection_that_is_lost_at_a_copy_leaves_the_mail_unsent(server: MailServer) -> None:
    server.replies[f"RCPT TO:<{FIRST}>"] = ""

    (result,) = await send_all(server, mail(TO, FIRST))

    assert result == Retry(Reason.UNAVAILABLE, "RCPT: connection cut")
    assert server.mails == []
