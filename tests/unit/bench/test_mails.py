"""The e-mails of the bench: their sizes, the plain sender, the vendor that answers late, and a missing smtp-sink."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestServer
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session

from bench.plain_mails import plain_rate
from bench.scenario import MissingPeerError, Place
from bench.scenarios.mails import run
from bench.slow_gateway import SlowGateway, count_answers
from bench.workload import MailOrder, mailbox
from core.send_result import Message, Sent
from devstack.processes import free_port
from providers.mail_body import encode_body
from providers.vendors.sendgrid import SendgridEntry, SendgridProvider
from schemas.requests import BulkRequest, RecipientFields
from schemas.statuses import Channel
from tests.support.drafts import send_all


def a_mail(number: int) -> Message:
    return Message(f"log_{number}", Channel.EMAIL, mailbox(number), f"text {number}", "Subject", False, None, "tnt_1")


@pytest.mark.parametrize("text_bytes", [100, 2_000])
def test_each_text_has_the_size_that_the_figures_name_and_is_sent_as_it_is(text_bytes: int) -> None:
    (record,) = MailOrder("run-0", 3, text_bytes=text_bytes).records()
    request = BulkRequest.model_validate_json(record)
    people = [person for person in request.recipients if isinstance(person, RecipientFields)]
    texts = {request.content.replace("{{code}}", person.variables["code"]) for person in people}

    assert [len(text.encode()) for text in texts] == [text_bytes] * 3
    assert all(encode_body(text).partition(b"\r\n\r\n")[2].split() == text.encode().split() for text in texts)


class CountingHandler:
    """Handler that keeps who got a mail over which connection."""

    def __init__(self) -> None:
        self.recipients: Counter[str] = Counter()
        self.peers: set[Any] = set()

    async def handle_DATA(self, _: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        self.recipients.update(envelope.rcpt_tos)
        self.peers.add(session.peer)
        return "250 taken"


async def test_the_plain_sender_sends_each_mail_once_over_all_its_connections() -> None:
    handler = CountingHandler()
    server = Controller(handler, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        assert await plain_rate(server.port, 3, 10, 100) > 0
    finally:
        server.stop()

    assert handler.recipients == Counter(map(mailbox, range(10)))
    assert len(handler.peers) == 3


async def test_the_late_vendor_counts_calls_and_not_the_mails_in_them() -> None:
    async with TestServer(SlowGateway(0).app()) as server:
        url = str(server.make_url("/"))
        account = {"name": "late", "kind": "sendgrid", "base_url": url, "api_key": "SG.x", "sender": "us@example.org"}
        provider = SendgridProvider(SendgridEntry.model_validate(account))
        results = await send_all(provider, *map(a_mail, range(3)))
        answers = await asyncio.to_thread(count_answers, url)
        await provider.aclose()

    assert [type(result) for result in results] == [Sent] * 3
    assert answers == 1


def test_without_smtp_sink_the_scenario_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    with pytest.raises(MissingPeerError, match="apt-get install postfix"):
        run(Place(cast("Any", None), tmp_path, 1, "bench"), 10)
