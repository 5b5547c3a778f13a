"""Kind `smtp` when something ends early or never: a caller, a connection, the provider, or what a server says."""

import asyncio

import pytest

from tests.contract.providers.scripted_mail_server import ScriptedMailServer
from tests.contract.providers.servers import Peer
from tests.contract.providers.test_provider_smtp import a_message, a_provider, later, uncertain
from tests.support.drafts import send, send_all
from tests.support.polling import wait_until

NO_REPLY = uncertain("end of data: unexpected answer")


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
