"""`rollcall bounces --lmtp`: what a mail server is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cli.bounces import lmtp_server as module
from cli.bounces import mail_reader
from cli.bounces.lmtp_server import MAX_CONNECTIONS, LmtpAddress, lmtp_server
from cli.bounces.mail_reader import BounceMailReader
from cli.bounces.notes import Notes
from providers.bounces.mail_parts import MAX_MAIL_BYTES
from tests.flow.cli.bounces.producers import UNAVAILABLE, MemoryProducer, a_reader
from tests.support.polling import wait_until
from tests.unit.providers.bounces.sample_bounces import DELIVERY_ID, POSTFIX, SIGNED, a_report

HELLO = "LHLO mx.example.com"
MAIL = "MAIL FROM:<>"


class Client:
    """Mail server that delivers over LMTP. It does not wait for replies unless it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def reply(self) -> str:
        """Return the last line of the next reply."""
        while True:
            line = (await self._reader.readline()).decode().rstrip("\r\n")
            if line[3:4] != "-":
                return line

    async def say(self, *lines: str) -> list[str]:
        """Write commands in one piece, and return their replies."""
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        return [await self.reply() for _ in lines]

    async def deliver(self, content: bytes, *recipients: str) -> str:
        """Deliver one mail, and return the reply to it."""
        await self.say(MAIL, *(f"RCPT TO:<{to}>" for to in recipients), "DATA")
        self._writer.write(content.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
        return await self.reply()

    def close(self) -> None:
        self._writer.close()


class Server:
    """A running server."""

    def __init__(self, port: int, reader: BounceMailReader) -> None:
        self._port, self.reader = port, reader
        self._clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self._clients.append(client)
        return client

    async def greeted(self) -> Client:
        client = await self.connect()
        await client.reply()
        assert (await client.say(HELLO))[0].startswith("250 ")
        return client

    async def has_a_place(self) -> bool:
        return (await (await self.connect()).reply()).startswith("220")

    def close(self) -> None:
        for client in self._clients:
            client.close()


@asynccontextmanager
async def serving(producer: MemoryProducer) -> AsyncIterator[Server]:
    reader = a_reader(producer)
    async with lmtp_server(reader, Notes(), LmtpAddress("127.0.0.1", 0)) as port:
        server = Server(port, reader)
        try:
            yield server
        finally:
            server.close()


async def test_a_bounce_is_taken_once_its_receipt_is_published() -> None:
    producer = MemoryProducer()
    async with serving(producer) as server:
        client = await server.greeted()
        reply = await client.deliver(a_report(to="bounces@example.com"), SIGNED)
        again = await client.deliver(POSTFIX, "bounces@example.com")

    assert (reply, again) == ("250 2.0.0 read", "250 2.0.0 read")
    assert [receipt.delivery_id for _, receipt in producer.records] == [DELIVERY_ID, DELIVERY_ID]


@pytest.mark.parametrize(
    ("content", "counted"),
    [(a_report(to="bounces@example.com"), "unsigned"), (b"Subject: Away\r\n\r\nAway", "other"), (b"", "other")],
)
async def test_another_mail_is_taken_and_counted_and_changes_nothing(content: bytes, counted: str) -> None:
    producer = MemoryProducer()
    async with serving(producer) as server:
        client = await server.greeted()
        reply = await client.deliver(content, SIGNED.replace("0af.", "0ae."))
        counts = dict(server.reader.counts)

    assert reply == "250 2.0.0 read"
    assert counts == {counted: 1}
    assert producer.records == []


async def test_without_kafkas_acknowledgement_the_mail_server_keeps_the_mail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mail_reader, "PUBLISH_SECONDS", 0.1)
    producer = MemoryProducer(error=UNAVAILABLE)
    async with serving(producer) as server:
        client = await server.greeted()
        refused = await client.deliver(POSTFIX, SIGNED)
        producer.error, producer.hangs = None, True
        timed_out = await client.deliver(POSTFIX, SIGNED)
        producer.hangs = False
        taken = await client.deliver(POSTFIX, SIGNED)
        counts = dict(server.reader.counts)

    assert refused == timed_out == "451 4.3.0 the receipt could not be published, try again later"
    assert taken == "250 2.0.0 read"
    assert counts == {"receipts": 1}
    assert json.loads(capsys.readouterr().out) == {"event": "bounces not published", "error": "KafkaError"}


async def test_a_mail_has_one_recipient_so_that_it_has_one_reply() -> None:
    async with serving(MemoryProducer()) as server:
        client = await server.greeted()
        replies = await client.say(MAIL, f"RCPT TO:<{SIGNED}>", "RCPT TO:<second@example.com>")

    assert [reply[:3] for reply in replies] == ["250", "250", "452"]


async def test_an_unexpected_error_is_not_shown_and_the_mail_server_keeps_the_mail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving(MemoryProducer(error=ZeroDivisionError(SIGNED))) as server:
        client = await server.greeted()
        reply = await client.deliver(POSTFIX, SIGNED)

    assert reply.startswith("451 4.3.0")
    assert "ZeroDivisionError" in (output := capsys.readouterr().out)
    assert DELIVERY_ID[4:] not in output + reply


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"x" * 70 + b"\r\n" + b"y" * 70 + b"\r\n", "250"),
        (lambda: (b"x" * 70 + b"\r\n") * (MAX_MAIL_BYTES // 72 + 1), "552"),
        (lambda: b"x" * 60_000, "250"),
        (lambda: b"x" * 70_000, "500"),
    ],
    ids=["short", "mail too long", "long line", "line too long"],
)
async def test_the_length_of_a_mail_and_of_its_lines_is_bounded(make: Callable[[], bytes], code: str) -> None:
    async with serving(MemoryProducer()) as server:
        client = await server.greeted()
        reply = await client.deliver(make(), SIGNED)

    assert reply.startswith(f"{code} ")


async def test_the_number_of_connections_is_bounded_and_a_place_is_free_again() -> None:
    async with serving(MemoryProducer()) as server:
        clients = [await server.greeted() for _ in range(MAX_CONNECTIONS)]
        refused = await (await server.connect()).reply()
        clients[0].close()
        await wait_until(server.has_a_place, seconds=10)

    assert refused == "421 4.3.2 too many connections, try again later"


async def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
    async with serving(MemoryProducer()) as server:
        client = await server.greeted()
        async with asyncio.timeout(10):
            assert await client.reply() == ""


async def test_few_mails_are_taken_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MAILS", 1)
    async with serving(MemoryProducer()) as server:
        first, second = await server.greeted(), await server.greeted()
        await first.say(MAIL, f"RCPT TO:<{SIGNED}>", "DATA")
        await second.say(MAIL, f"RCPT TO:<{SIGNED}>")
        asked = asyncio.create_task(second.say("DATA"))
        waits = not (await asyncio.wait({asked}, timeout=0.2))[0]
        await first.say(".")

        assert waits
        assert (await asked)[0].startswith("354")
