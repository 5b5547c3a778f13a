"""`rollcall simulator` as a process that posts receipts, and a producer's check in this process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from cli.simulator.signing.ses import CERTIFICATE_PATH
from core.send_result import Message, Sent
from devstack.processes import free_port
from providers.receipts.receipt_format import Callback, VendorReceipt
from providers.receipts.ses import SesReceiptEntry, SesReceipts
from schemas.receipts import ReceiptStatus
from schemas.statuses import Channel
from tests.support.drafts import send
from tests.support.polling import wait_until
from tests.support.simulator import Simulator, a_simulator

ARN = "arn:aws:sns:eu-west-1:123456789012:mail"
KEY = "k" * 32
DELIVERY_ID = "log_" + "0" * 26 + "000000001"
MESSAGE = Message(DELIVERY_ID, Channel.EMAIL, "anna@example.com", "Hello", "Hello", False, None, "tnt_1")


@asynccontextmanager
async def a_producer(port: int) -> AsyncIterator[list[Callback]]:
    """Yield the callbacks that arrive at this port. Each is answered with 200."""
    callbacks: list[Callback] = []

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        callbacks.append(Callback(str(request.url), headers, await request.read(), datetime.now(UTC)))
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/callback", take)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield callbacks
    finally:
        await runner.cleanup()


def ses_receipts(simulator: Simulator) -> SesReceipts:
    """Return a check that downloads the certificate from the simulator, as if that were Amazon SNS."""

    async def fetch(url: str) -> bytes | None:
        return simulator.get(url.removeprefix("https://sns.eu-west-1.amazonaws.com")).encode()

    return SesReceipts(SesReceiptEntry.model_validate({"kind": "ses", "provider": "post", "topic_arns": [ARN]}), fetch)


async def test_an_event_of_ses_is_signed_with_the_certificate_that_the_simulator_serves(tmp_path: Path) -> None:
    port = free_port()
    options = ["--receipts-url", f"http://127.0.0.1:{port}/callback", "--receipts-format", "ses"]
    options += ["--receipts-account", ARN, "--delivered-rate", "1", "--undelivered-rate", "0"]
    async with a_producer(port) as callbacks:
        with a_simulator(tmp_path, *options) as simulator:
            provider = simulator.smtp_provider()
            sent = await send(provider, MESSAGE)
            await provider.aclose()
            await wait_until(lambda: len(callbacks) == 1, seconds=20)
            receipts = ses_receipts(simulator)
            await receipts.check(callbacks[0])
            (receipt,) = receipts.read(callbacks[0])

    assert isinstance(sent, Sent)
    expected = VendorReceipt(
        ReceiptStatus.DELIVERED, "Delivery", receipt.occurred_at, DELIVERY_ID, sent.message_id, "anna@example.com"
    )
    assert receipt == expected


async def test_the_counts_of_receipts_are_shown_and_no_address_and_no_secret(tmp_path: Path) -> None:
    port = free_port()
    options = ["--receipts-url", f"http://127.0.0.1:{port}/callback/{'p' * 32}", "--receipts-key", KEY]
    with a_simulator(tmp_path, *options, "--receipt-delay-ms", "60000", "--delivered-rate", "0.99") as simulator:
        provider = simulator.http_provider(Channel.EMAIL)
        await send(provider, MESSAGE)
        await provider.aclose()
        taken, page, said = simulator.get("/taken"), simulator.get("/"), simulator.said()

    assert json.loads(taken)["receipts"]["waiting"] == 1
    assert "<th>forged_accepted</th>" in page
    assert len(said) == 1
    for secret in (MESSAGE.to, KEY, "p" * 32):
        assert secret not in f"{taken}{page}{said}"


async def test_without_receipts_there_is_no_certificate_and_no_count(tmp_path: Path) -> None:
    with a_simulator(tmp_path) as simulator:
        assert "receipts" not in simulator.taken()
        assert "Receipts" not in simulator.get("/")
        status = simulator.status(CERTIFICATE_PATH)

    assert status == 404
