"""Kind `smtp` in a pipeline: one write for the end of a mail and the next envelope, and each mail its own result."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from core.send_result import Failed, Retry, SendResult, Sent, Uncertain
from providers.mail_message import Mail
from providers.smtp import SmtpEntry, SmtpProvider
from schemas.statuses import Reason
from tests.contract.providers.scripted_mail_server import ScriptedMailServer
from tests.contract.providers.test_provider_smtp import a_message
from tests.support.drafts import send_all

MAILS = 3
REPLIES = b"220 ready\r\n250-here\r\n250-PIPELINING\r\n250 8BITMIME\r\n" + MAILS * (
    b"250 ok\r\n250 ok\r\n354 go on\r\n250 2.0.0 queued\r\n"
)
"""All that the server writes for the mails."""


@pytest.fixture
async def server() -> AsyncIterator[ScriptedMailServer]:
    peer = ScriptedMailServer()
    async with peer.running():
        yield peer


async def send_mails(server: ScriptedMailServer, number: int = MAILS, timeout_seconds: float = 5) -> list[SendResult]:
    """Send mails in one batch over one connection."""
    entry = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
    more = {"sender": "us@example.org", "connections": 1, "timeout_seconds": timeout_seconds}
    provider = SmtpProvider(SmtpEntry.model_validate({**entry, **more}))
    mails = [a_message(f"log_{at}", to=f"r{at}@example.com") for at in range(number)]
    results = await send_all(provider, *mails)
    await provider.aclose()
    return results


async def test_the_end_of_a_mail_and_the_next_envelope_leave_in_one_write(server: ScriptedMailServer) -> None:
    results = await send_mails(server, 50)

    assert {type(result) for result in results} == {Sent}
    # The last mails wait for no other. A mail is taken in advance only while more than one waits.
    assert Counter(server.in_one_write) == {True: 48, False: 2}
    assert Counter(server.commands) == {"EHLO": 1, "MAIL": 50, "RCPT": 50, "DATA": 50, "QUIT": 1}


async def test_a_refused_recipient_does_not_stop_the_pipeline(server: ScriptedMailServer) -> None:
    server.refused = {"r1@example.com", "r2@example.com", "r6@example.com"}
    results = await send_mails(server, 9)

    refused = Failed(Reason.REJECTED, "SMTP 550 5.1.1 to RCPT")
    assert [result == refused for result in results] == [number in {1, 2, 6} for number in range(9)]
    assert server.taken == [f"log_{number}" for number in (0, 3, 4, 5, 7, 8)]
    assert server.connections == 1
    assert server.commands.count("RSET") == 3


async def test_replies_that_come_byte_by_byte_are_read_as_one(server: ScriptedMailServer) -> None:
    server.byte_by_byte = True
    results = await send_mails(server)

    assert {type(result) for result in results} == {Sent}


@pytest.mark.parametrize("cut_after", range(len(REPLIES) + 1))
async def test_wherever_the_connection_is_cut_each_result_is_true(server: ScriptedMailServer, cut_after: int) -> None:
    server.cut_after = cut_after
    results = await send_mails(server)

    assert_true(results, server)
    if cut_after > REPLIES.index(b"250 ok"):  # a mail is in doubt only if its own reply is missing
        assert sum(isinstance(result, Uncertain) for result in results) <= 1


@pytest.mark.parametrize("goodbye_after", range(2 + 4 * MAILS + 1))
async def test_wherever_the_server_says_421_each_result_is_true(server: ScriptedMailServer, goodbye_after: int) -> None:
    server.goodbye_after = goodbye_after
    results = await send_mails(server)

    assert_true(results, server)


def assert_true(results: list[SendResult], server: ScriptedMailServer) -> None:
    """Check that a mail was taken once if it is `Sent`, and not at all if the result says so."""
    taken = Counter(server.taken)
    assert set(taken.values()) <= {1}
    for number, result in enumerate(results):
        if isinstance(result, Sent):
            assert taken[f"log_{number}"] == 1
        elif isinstance(result, Retry):
            assert not taken[f"log_{number}"] or f"log_{number}" not in server.answered
        else:
            assert isinstance(result, Uncertain)


async def test_a_mail_that_times_out_leaves_the_mails_before_it_their_results() -> None:
    class Stalling(ScriptedMailServer):
        async def _take(self, reader: asyncio.StreamReader) -> str:
            if self.arrived == 2:
                await reader.read()
            return await super()._take(reader)

    stalling = Stalling()
    async with stalling.running():
        results = await send_mails(stalling, 6, timeout_seconds=0.5)

    assert [type(result) for result in results[:3]] == [Sent, Sent, Uncertain]
    assert {type(result) for result in results[3:]} == {Retry}
    assert stalling.taken == ["log_0", "log_1"]


async def test_a_mail_is_kept_only_until_it_is_written() -> None:
    in_memory: list[int] = []

    class Watching(ScriptedMailServer):
        async def _take(self, reader: asyncio.StreamReader) -> str:
            in_memory.append(sum(type(found) is Mail for found in gc.get_objects()))
            return await super()._take(reader)

    watching = Watching()
    async with watching.running():
        await send_mails(watching, 20, timeout_seconds=60)  # a look at all objects takes long

    assert len(in_memory) == 20
    assert max(in_memory) <= 2  # the one that is written, and the one that was taken in advance
