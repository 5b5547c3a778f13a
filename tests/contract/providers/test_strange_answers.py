"""Answers that are no answer of the API: every provider over HTTP bounds them, maps them, and stays usable."""

import asyncio
import json
import resource

import pytest

from core.send_result import Retry, SendResult, Sent, Uncertain
from schemas.statuses import Reason
from tests.contract.providers.servers import Act, Peer, http_answer
from tests.contract.providers.stage import Stage, VendorStage, a_message
from tests.contract.providers.stages import STAGES
from tests.support.drafts import send, send_all

VENDORS = [kind for kind, stage in STAGES.items() if issubclass(stage, VendorStage)]
OVER_HTTP = ["http", *VENDORS]
HUGE = 1_000_000_000
UTF_16 = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-16\r\nContent-Length: %d\r\n\r\n%b" % (
    22,
    '{"id":"ab"}'.encode("utf-16-le"),
)


def no_answer(error: str) -> Uncertain:
    return Uncertain(Reason.NO_ANSWER, error)


@pytest.mark.parametrize("stage", VENDORS, indirect=True)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (http_answer("200 OK", "<html>geheim</html>"), no_answer("HTTP 200")),
        (http_answer("200 OK", "[" * 10_000), no_answer("HTTP 200")),
        (http_answer("200 OK", "[1, null, {}]"), no_answer("HTTP 200")),
        (http_answer("200 OK", json.dumps({"errors": [7], "messages": 7, "Response": []})), no_answer("HTTP 200")),
        (http_answer("200 OK", "{}", "Content-Encoding: gzip"), no_answer("HTTP 200")),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"messages"', no_answer("HTTP 200")),
        (f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n".encode() + b" " * 200_000, no_answer("HTTP 200")),
        (UTF_16, no_answer("HTTP 200")),
        (http_answer("500 Broken", "geheim"), no_answer("HTTP 500")),
        (http_answer("502 Bad", "<html>geheim</html>"), no_answer("HTTP 502")),
        (http_answer("302 Found", "", "Location: /elsewhere"), no_answer("HTTP 302")),
        (http_answer("308 Moved", "", "Location: /elsewhere"), Retry(Reason.UNAVAILABLE, "HTTP 308")),
        (http_answer("404 Not Found", "<html>geheim</html>"), Retry(Reason.UNAVAILABLE, "HTTP 404")),
        (http_answer("401 Who", "<html>"), Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "HTTP 401")),
        (http_answer("429 Slow", "<html>"), Retry(Reason.RATE_LIMITED, "HTTP 429")),
    ],
)
async def test_an_answer_that_no_vendor_documents_has_the_result_of_its_status(
    stage: Stage, answer: bytes, expected: SendResult
) -> None:
    assert isinstance(stage, VendorStage)
    provider = stage.provider()
    stage.peer.strange = answer
    result = await send(provider, a_message(stage))
    arrived = stage.arrived()
    stage.peer.strange = None
    after = await send(provider, a_message(stage, number=2))
    await provider.aclose()

    assert result == expected
    assert isinstance(after, Sent)
    assert arrived == 1  # a redirect is not followed


class Endless(Peer):
    """A server that answers a gigabyte, as long as anybody reads."""

    sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n".encode())
        while self.sent < HUGE:
            writer.write(b" " * 65_536)
            await writer.drain()
            self.sent += 65_536


@pytest.mark.parametrize("stage", OVER_HTTP, indirect=True)
async def test_of_an_answer_of_a_gigabyte_only_the_beginning_is_read(stage: Stage) -> None:
    server = Endless()
    async with server.running():
        where = f"http://127.0.0.1:{server.port}"
        provider = stage.provider(**({"base_url": where} if isinstance(stage, VendorStage) else {"url": where}))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await send(provider, a_message(stage))
        await provider.aclose()
    assert server.sent < 20_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.parametrize("stage", [kind for kind in VENDORS if STAGES[kind].batches], indirect=True)
async def test_of_a_batch_with_an_answer_that_cannot_be_read_each_message_is_uncertain(stage: Stage) -> None:
    assert isinstance(stage, VendorStage)
    provider = stage.provider()
    stage.peer.strange = http_answer("200 OK", "<html>geheim</html>")
    messages = [a_message(stage, Act.TAKE, number) for number in range(3)]
    answers = await send_all(provider, *messages)
    await provider.aclose()

    assert answers == [no_answer("HTTP 200")] * 3
