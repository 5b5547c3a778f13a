"""Receipts on their way from the simulator to a producer: when, how often, and what is counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from cli.errors import UsageError
from cli.simulator.receipts.behaviour import ReceiptBehaviour
from cli.simulator.receipts.build import build_receipts
from cli.simulator.receipts.receipt_sender import MAX_CALLS, ReceiptSender
from cli.simulator.received import Delivery, ReceivedMessages
from cli.simulator.receiver import Receiver
from devstack.processes import free_port
from providers.receipts.generic import SIGNATURE_HEADER, sign
from providers.simulated_results import SimulatedBehaviour, SimulatedResult
from schemas.statuses import Channel
from tests.support.polling import wait_until

KEY = "k" * 32
TWILIO = {"receipts_format": "twilio", "receipts_account": "AC" + "0" * 32}
COUNTS = (
    *("waiting", "accepted", "refused", "tried_again", "given_up"),
    *("left_out", "early", "repeated", "forged", "forged_accepted"),
)


class Producer:
    """Producer that answers with the statuses that it is given, and then with 200. A forged call gets 401."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.calls: list[tuple[str, bytes]] = []
        """Signature and body of each call."""
        self.answers = asyncio.Event()
        """Set while calls are answered."""
        self.answers.set()

    def reports(self) -> list[tuple[str, str]]:
        """Return the delivery id and the status of each receipt that was signed."""
        receipts = [one for call in self.calls if _is_signed(*call) for one in orjson.loads(call[1])["receipts"]]
        return [(one["delivery_id"], one["status"]) for one in receipts]

    async def take(self, request: web.Request) -> web.Response:
        call = request.headers.get(SIGNATURE_HEADER, ""), await request.read()
        self.calls.append(call)
        await self.answers.wait()
        if call[0] and not _is_signed(*call):
            return web.Response(status=401)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        app = web.Application()
        app.add_routes([web.post("/callback", self.take)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield
        finally:
            await runner.cleanup()


def _is_signed(signature: str, body: bytes) -> bool:
    return signature == sign(KEY, signature[2:].partition(",")[0], body)


def a_sender(port: int, **options: Any) -> ReceiptSender:
    """Return a sender whose messages are all delivered."""
    behaviour = ReceiptBehaviour.model_validate(
        {
            "receipts_url": f"http://127.0.0.1:{port}/callback",
            "receipts_key": KEY,
            "delivered_rate": 1,
            "undelivered_rate": 0,
            **options,
        }
    )
    sender = build_receipts(behaviour, 0)
    assert sender is not None
    return sender


@asynccontextmanager
async def sending(producer: Producer, **options: Any) -> AsyncIterator[ReceiptSender]:
    """Yield a running sender that posts to this producer."""
    port = free_port()
    sender = a_sender(port, **options)
    async with producer.serving(port), sender.running():
        yield sender


def a_delivery(number: int = 0) -> Delivery:
    return Delivery(f"log_{number}", Channel.SMS, "+8613800138000")


async def take(sender: ReceiptSender, number: int) -> None:
    for each in range(number):
        await sender.take(a_delivery(each))


async def counted(sender: ReceiptSender, **counts: int) -> None:
    """Wait until the counts are these, and zero for all others."""
    expected = dict.fromkeys(COUNTS, 0) | counts
    await wait_until(lambda: sender.document() == expected, seconds=20)


async def test_a_receipt_is_posted_when_it_is_due() -> None:
    producer = Producer()
    async with sending(producer, receipt_delay_ms=150) as sender:
        began = asyncio.get_running_loop().time()
        await take(sender, 1)
        await counted(sender, waiting=1)
        await counted(sender, accepted=1)

        assert asyncio.get_running_loop().time() - began >= 0.15
    assert producer.reports() == [("log_0", "delivered")]


async def test_receipts_are_posted_in_the_order_of_their_times() -> None:
    producer = Producer()
    async with sending(producer, receipt_delay_ms=100, sent_receipt_rate=0.5, late_sent_rate=0.5) as sender:
        await take(sender, 20)
        await counted(sender, accepted=40)

    orders = {tuple(status for id_, status in producer.reports() if id_ == f"log_{number}") for number in range(20)}
    assert orders == {("sent", "delivered"), ("delivered", "sent")}


@pytest.mark.parametrize("status", [503, 500, 408, 429])
async def test_a_call_that_the_producer_could_not_take_is_repeated(status: int) -> None:
    producer = Producer(status)
    async with sending(producer) as sender:
        await take(sender, 1)
        await counted(sender, accepted=1, tried_again=1)

    assert producer.reports() == [("log_0", "delivered")] * 2


async def test_a_receipt_waits_while_the_producer_is_away() -> None:
    port, producer = free_port(), Producer()
    sender = a_sender(port)
    async with sender.running():
        await take(sender, 1)
        await counted(sender, waiting=1, tried_again=1)
        async with producer.serving(port):
            await wait_until(lambda: sender.document()["accepted"] == 1, seconds=20)


async def test_a_refused_call_is_not_repeated() -> None:
    producer = Producer(401)
    async with sending(producer) as sender:
        await take(sender, 1)
        await counted(sender, refused=1)

    assert len(producer.calls) == 1


async def test_a_receipt_is_given_up_after_many_calls() -> None:
    async with sending(Producer(503, 503)) as sender:
        sender.max_attempts = 2
        await take(sender, 1)
        await counted(sender, given_up=1, tried_again=1)


async def test_what_is_due_at_the_same_time_goes_in_one_call() -> None:
    producer = Producer()
    async with sending(producer) as sender:
        await take(sender, 100)
        await counted(sender, accepted=100)

    assert len(producer.calls) == 1


async def test_few_calls_run_at_the_same_time() -> None:
    producer = Producer()
    producer.answers.clear()
    async with sending(producer, **TWILIO) as sender:
        await take(sender, 100)
        await wait_until(lambda: len(producer.calls) == MAX_CALLS, seconds=10)

        await asyncio.sleep(0)
        assert len(producer.calls) == MAX_CALLS
        await counted(sender, waiting=100)
        producer.answers.set()
        await counted(sender, accepted=100)


async def test_an_early_receipt_is_accepted_before_the_sender_has_its_answer() -> None:
    producer = Producer()
    async with sending(producer, early_receipt_rate=1) as sender:
        receiver = Receiver(SimulatedBehaviour(), ReceivedMessages(1, show=False), sender)
        assert await receiver.receive(a_delivery()) is SimulatedResult.TAKE

        assert producer.reports() == [("log_0", "delivered")]
        await counted(sender, accepted=1, early=1)


async def test_an_early_receipt_that_could_not_be_taken_comes_later() -> None:
    async with sending(Producer(503), early_receipt_rate=1) as sender:
        await take(sender, 1)
        await counted(sender, accepted=1, tried_again=1)


async def test_a_repeated_call_is_the_same_byte_for_byte() -> None:
    producer = Producer()
    async with sending(producer, repeated_receipt_rate=1) as sender:
        await take(sender, 1)
        await counted(sender, accepted=1, repeated=1)
        await wait_until(lambda: len(producer.calls) == 2, seconds=10)

    first, second = producer.calls
    assert first == second


async def test_a_forged_call_contradicts_the_receipt_and_is_not_signed() -> None:
    producer = Producer(503)
    async with sending(producer, forged_receipt_rate=1) as sender:
        await take(sender, 1)
        await counted(sender, accepted=1, forged=1, tried_again=1)

    assert [_is_signed(*call) for call in producer.calls] == [False, True, True]
    assert orjson.loads(producer.calls[0][1])["receipts"][0]["status"] == "failed"


async def test_a_forged_call_that_is_accepted_is_counted() -> None:
    async with sending(Producer(), forged_receipt_rate=1, **TWILIO) as sender:
        await take(sender, 3)
        await counted(sender, accepted=3, forged=3, forged_accepted=3)


async def test_receipts_without_room_are_left_out() -> None:
    async with sending(Producer(), receipt_delay_ms=60_000, waiting_receipts=2) as sender:
        await take(sender, 5)
        await counted(sender, waiting=2, left_out=3)


async def test_receipts_that_wait_are_forgotten_with_the_messages() -> None:
    producer = Producer()
    async with sending(producer, receipt_delay_ms=100) as sender:
        receiver = Receiver(SimulatedBehaviour(), ReceivedMessages(1, show=False), sender)
        await receiver.receive(a_delivery())
        receiver.forget()
        await counted(sender)
        await sender.take(a_delivery(1))
        await counted(sender, accepted=1)

    assert producer.reports() == [("log_1", "delivered")]


@pytest.mark.parametrize(("result", "receipts"), [("drop", 1), ("fail", 0), ("retry", 0), ("throttle", 0)])
async def test_only_a_message_that_was_taken_gets_a_receipt(result: str, receipts: int) -> None:
    rate = {"fail": "failure_rate"}.get(result, f"{result}_rate")
    async with sending(Producer(), receipt_delay_ms=60_000) as sender:
        behaviour = SimulatedBehaviour.model_validate({rate: 1})
        await Receiver(behaviour, ReceivedMessages(1, show=False), sender).receive(a_delivery())

        assert sender.document()["waiting"] == receipts


async def test_a_repeat_that_is_not_taken_again_gets_no_second_receipt() -> None:
    async with sending(Producer(), receipt_delay_ms=60_000) as sender:
        receiver = Receiver(SimulatedBehaviour(deduplicates=True), ReceivedMessages(1, show=False), sender)
        results = [await receiver.receive(a_delivery()) for _ in range(2)]

        assert results == [SimulatedResult.TAKE, SimulatedResult.REPEAT]
        assert sender.document()["waiting"] == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"receipts_key": "short"}, "--receipts-key: .* at least 32"),
        ({**TWILIO, "receipts_account": "AC1"}, "--receipts-account: "),
        ({"receipts_format": "aliyun"}, "--receipts-url: "),
        ({"receipts_format": "mailgun", "receipts_account": "mg.example.org"}, "--receipts-url: "),
        ({"receipts_format": "sendgrid"}, "--receipts-key: must be a private key of the curve P-256"),
        (
            {"receipts_format": "ses", "receipts_account": "arn:aws:sns:eu-west-1:123456789012:mail"},
            "must be a private",
        ),
        ({"receipts_format": "ses", "receipts_account": "arn", "receipts_key": ""}, "--receipts-account: "),
    ],
)
def test_keys_that_the_producer_would_refuse_are_named_with_their_option(options: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError, match=error) as refused:
        a_sender(1, **options)
    assert KEY not in str(refused.value)


def test_without_a_url_there_are_no_receipts() -> None:
    assert build_receipts(ReceiptBehaviour(), 0) is None
