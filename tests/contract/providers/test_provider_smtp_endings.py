"""Kind `smtp` when something ends early or never: a caller, a connection, the provider, or what a server says."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.send_result import Retry, Sent
from providers import smtp_pool
from providers.smtp_jobs import MailCall
from tests.contract.providers.certificates import server_context
from tests.contract.providers.scripted_mail_server import ScriptedMailServer
from tests.contract.providers.servers import Peer, SilentPeer
from tests.contract.providers.test_provider_smtp import a_message, a_provider, later, uncertain
from tests.support.drafts import a_draft, send, send_all
from tests.support.polling import wait_until

NO_REPLY = uncertain("end of data: unexpected answer")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedMailServer]:
    peer = ScriptedMailServer()
    async with peer.running():
        yield peer


class AnsweringOnce(ScriptedMailServer):
    """Mail server that says nothing more after the end of a mail, and keeps the connection or cuts it."""

    def __init__(self, *, cuts: bool) -> None:
        super().__init__()
        self.cuts = cuts

    async def _say(self, writer: asyncio.StreamWriter, reply: str, *, limited: bool) -> None:
        await super()._say(writer, reply, limited=limited)
        if reply == self.dot:
            if not self.cuts:
                await writer.wait_closed()
            raise EOFError


@pytest.mark.parametrize("cuts", [True, False])
async def test_a_reply_that_is_no_answer_to_a_mail_leaves_it_uncertain_and_the_others_their_results(
    *, cuts: bool
) -> None:
    peer = AnsweringOnce(cuts=cuts)
    peer.dot = "355 what"
    async with peer.running():
        provider = a_provider(peer, connections=1, timeout_seconds=20)
        mails = [a_message(f"log_{number}") for number in range(3)]
        results = await asyncio.wait_for(send_all(provider, *mails), 10)
        await provider.aclose()

    assert results == [NO_REPLY] * 3
    assert peer.taken == ["log_0", "log_1", "log_2"]


class Endless(Peer):
    """Mail server whose reply to one command never ends."""

    def __init__(self, step: str, line: bytes) -> None:
        super().__init__()
        self._step, self._line = step, line

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while (await reader.readuntil(b"\n")).decode().split()[0] != self._step:
            writer.write(b"250 ok\r\n")
        while True:
            writer.write(self._line * 1_000)
            await writer.drain()


@pytest.mark.parametrize("line", [b"250-\r\n", b"250-ok\r\n", b"250-ok"])
@pytest.mark.parametrize("step", ["EHLO", "MAIL"])
async def test_a_reply_without_an_end_is_given_up_long_before_the_time_is_over(step: str, line: bytes) -> None:
    peer = Endless(step, line)
    async with peer.running():
        provider = a_provider(peer, timeout_seconds=60)
        result = await asyncio.wait_for(send(provider, a_message()), 20)
        await wait_until(lambda: not peer.open_connections, seconds=10)
        await provider.aclose()

    assert result == later(f"{step}: unexpected answer")


class Holding(ScriptedMailServer):
    """Mail server that holds back its reply to the end of a mail."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def _take(self, reader: asyncio.StreamReader) -> str:
        delivery = await super()._take(reader)
        await self.may_answer.wait()
        return delivery


async def test_a_caller_that_is_cancelled_leaves_the_mail_of_another_caller_its_result() -> None:
    peer = Holding()
    async with peer.running():
        provider = a_provider(peer, connections=1)
        first = asyncio.create_task(send(provider, a_message("log_0")))
        second = asyncio.create_task(send_all(provider, *(a_message(f"log_{number}") for number in range(1, 5))))
        await wait_until(lambda: peer.in_one_write == [True], seconds=10)

        second.cancel()
        await asyncio.wait([second])
        peer.may_answer.set()
        result = await first
        after = await send(provider, a_message("log_5"))
        await provider.aclose()

    assert isinstance(result, Sent)
    assert isinstance(after, Sent)
    assert peer.taken == ["log_0", "log_5"]


async def test_a_mail_that_was_given_up_opens_no_connection() -> None:
    peer = Holding()
    async with peer.running():
        provider = a_provider(peer, connections=1, timeout_seconds=0.6)
        results = await send_all(provider, *(a_message(f"log_{number}") for number in range(10)))
        await wait_until(lambda: not provider._pool._pumps, seconds=10)
        peer.may_answer.set()
        await provider.aclose()

    assert {type(result) for result in results[1:]} == {Retry}
    assert peer.connections == 1


async def test_a_mail_may_come_in_the_moment_in_which_an_idle_connection_ends(
    server: ScriptedMailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_pool, "IDLE_SECONDS", 0.1)
    faults: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    provider = a_provider(server)
    await send(provider, a_message("log_0"))
    await wait_until(lambda: bool(provider._pool._idle), seconds=10)
    call = MailCall([a_draft(a_message("log_1"))])

    loop.call_later(0, provider._pool.add, call.jobs)
    time.sleep(0.2)  # noqa: ASYNC251  # so that both are due in the same turn of the loop
    await call.done
    await provider.aclose()

    assert isinstance(call.jobs[0].result, Sent)
    assert faults == []


@pytest.mark.parametrize("tls", ["none", "tls"])
async def test_a_close_ends_the_connections_that_are_being_opened(tmp_path: Path, tls: str) -> None:
    _, trusted = server_context(tmp_path)
    peer = SilentPeer()
    async with peer.running():
        provider = a_provider(peer, tls=tls, ca_file=trusted, timeout_seconds=60)
        sending = asyncio.create_task(send(provider, a_message()))
        await wait_until(lambda: peer.open_connections == 1, seconds=10)
        opening = list(provider._pool._opening.values())

        await provider.aclose()

        assert [task.done() for task in opening] == [True]
        assert await sending == later("provider closed")
        await wait_until(lambda: not peer.open_connections, seconds=10)


async def test_an_empty_batch_ends_at_once(server: ScriptedMailServer) -> None:
    provider = a_provider(server, timeout_seconds=60)

    assert await asyncio.wait_for(send_all(provider), 5) == []

    await provider.aclose()
