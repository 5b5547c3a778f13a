"""Kind `smtp`: the signed envelope sender of each e-mail."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.send_result import Message, SendResult, Sent
from providers.bounces.bounce_entry import BounceKey
from providers.bounces.bounce_reader import BounceReader
from providers.bounces.return_path import find_signed
from schemas.receipts import Receipt
from tests.contract.providers.servers import Act, MailServer
from tests.contract.providers.test_provider_smtp import a_message, a_provider, refused
from tests.support.drafts import send_all
from tests.unit.providers.bounces.sample_bounces import KEY, NOW, a_report

REFUSED = "refused@example.com"
IDS = [f"log_0123456789abcdefghjkmnpqrs{number:09x}" for number in range(4)]
BOUNCES = {"return_path": "bounces@example.com", "bounce_key": KEY}


@pytest.fixture(params=[False, True], ids=["one by one", "pipelined"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[MailServer]:
    peer = MailServer({REFUSED: Act.REFUSE}, pipelining=request.param)
    async with peer.running():
        yield peer


async def ask(server: MailServer, *messages: Message, **entry: Any) -> list[SendResult]:
    """Send one batch over one connection through a new provider."""
    provider = a_provider(server, connections=1, **entry)
    results = await send_all(provider, *messages)
    await provider.aclose()
    return results


def senders(server: MailServer) -> list[str]:
    return [line.partition("<")[2].partition(">")[0] for line in server.commands if line.startswith("MAIL")]


async def test_each_mail_of_a_batch_has_its_own_signed_sender(server: MailServer) -> None:
    mails = [a_message(name, to=REFUSED if name == IDS[1] else "r@example.com") for name in IDS]
    results = await ask(server, *mails, **BOUNCES)

    assert [type(result) for result in results].count(Sent) == 3
    assert results[1] == refused("SMTP 550 5.1.1 to RCPT")
    signed = [found for sender in senders(server) for found in find_signed(sender)]
    assert [one.delivery_id for one in signed] == IDS
    assert all(one.is_signed("post", KEY) for one in signed)
    assert all(b"\r\nFrom: us@example.org\r\n" in b"\r\n" + mail for mail in server.mails)


async def test_a_bounce_of_the_recipient_of_a_mail_with_copies_is_told_from_that_of_a_copy(server: MailServer) -> None:
    await ask(server, a_message(IDS[0], to="ann@example.org", cc=("copy@example.org",)), **BOUNCES)
    (sender,) = senders(server)
    reader = BounceReader([BounceKey("post", KEY)])
    of_recipient = a_report(to=sender)
    of_copy = of_recipient.replace(b"ann@", b"copy@")

    assert isinstance(reader.read(of_recipient, None, NOW), Receipt)
    assert not isinstance(reader.read(of_copy, None, NOW), Receipt)


async def test_the_longest_return_path_is_an_address_that_smtp_allows(server: MailServer) -> None:
    await ask(server, a_message(IDS[0]), return_path="eleven.char@example.com", bounce_key=KEY)

    (sender,) = senders(server)
    assert len(sender.partition("@")[0]) == 64


async def test_without_a_return_path_the_sender_is_the_one_of_the_entry(server: MailServer) -> None:
    await ask(server, a_message(IDS[0]))

    assert senders(server) == ["us@example.org"]


async def test_a_check_of_the_provider_names_the_return_path_itself(server: MailServer) -> None:
    provider = a_provider(server, **BOUNCES)
    problem = await provider.check()
    await provider.aclose()

    assert problem is None
    assert senders(server) == ["bounces@example.com"]
