"""Messages that the simulator keeps."""

import asyncio
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from cli.plain_output import json_text
from cli.simulator.received import MAX_ID_CHARACTERS, MAX_TEXT_CHARACTERS, Delivery, ReceivedMessages
from cli.simulator.receiver import Receiver
from cli.simulator.smtp_server import MailHandler
from providers.simulated_results import SimulatedBehaviour, SimulatedResult
from schemas.statuses import Channel


def test_a_kept_message_has_a_bounded_size_and_can_be_written_as_json() -> None:
    received = ReceivedMessages(1, show=True)

    received.add(Delivery("i" * 999, Channel.SMS, "\udcff1", "s" * 9_999, "t" * 9_999), SimulatedResult.TAKE)

    (kept,) = received.document()["last"]
    assert json_text(kept)
    assert [len(kept[name]) for name in ("id", "subject", "text")] == [
        MAX_ID_CHARACTERS,
        MAX_TEXT_CHARACTERS,
        MAX_TEXT_CHARACTERS,
    ]
    assert kept["to"] == "?1"


def test_the_repr_of_a_delivery_shows_no_address_and_no_text() -> None:
    assert repr(Delivery("log_1", Channel.EMAIL, "a@example.com", "Hello", "4711")) == "Delivery(log_1)"


async def mailed(content: bytes) -> dict[str, Any]:
    """Return the message that is kept of a mail."""
    received = ReceivedMessages(1, show=True)
    handler = MailHandler(Receiver(SimulatedBehaviour(), received))
    loop = asyncio.get_running_loop()
    envelope = Envelope()
    envelope.content, envelope.rcpt_tos = content, ["a@example.com"]
    assert await handler.handle_DATA(SMTP(handler, hostname="x", loop=loop), Session(loop), envelope) == (
        "250 2.0.0 taken"
    )
    (kept,) = received.document()["last"]
    return {name: kept[name] for name in ("id", "subject", "text")}


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        (b"Content-Type: text/html\r\n", ("log_1", None, "<b>Hi</b>")),
        (b"Content-Type: text/plain; charset=no-such-one\r\n", ("log_1", None, "(unreadable)")),
        (b"Content-Type: image/png\r\n", ("log_1", None, "")),
        (b"Subject: =?utf-8?q?H=C3=A4llo?=\r\n", ("log_1", "Hällo", "<b>Hi</b>")),
    ],
)
async def test_a_mail_is_kept_as_a_reader_sees_it(headers: bytes, kept: tuple[str, ...]) -> None:
    found = await mailed(b"Message-ID:\r\n <log_1@example.org>\r\n" + headers + b"\r\n<b>Hi</b>")

    assert tuple(found.values()) == kept
