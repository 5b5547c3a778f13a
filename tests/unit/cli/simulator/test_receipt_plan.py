"""Receipts that the simulator plans for a message."""

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from cli.simulator.receipts.behaviour import ReceiptBehaviour
from cli.simulator.receipts.plan import LATE_SECONDS, ReceiptPlan
from cli.simulator.received import Delivery
from cli.simulator.signing.signed_call import ReceiptOutcome
from schemas.statuses import Channel


def the_plan(seed: int = 0, **options: Any) -> ReceiptPlan:
    return ReceiptPlan(ReceiptBehaviour.model_validate(options), seed)


def a_delivery(number: int = 0, channel: Channel = Channel.SMS) -> Delivery:
    return Delivery(f"log_{number}", channel, "+8613800138000")


def outcomes(plan: ReceiptPlan, number: int = 0) -> list[ReceiptOutcome]:
    return [planned.receipt.outcome for planned in plan.receipts_of(a_delivery(number))]


def test_the_shares_are_those_of_the_options_and_the_rest_gets_no_receipt() -> None:
    plan = the_plan(delivered_rate=0.6, undelivered_rate=0.2, hard_bounce_rate=0.1)
    found = Counter(tuple(outcomes(plan, number)) for number in range(2_000))

    assert {one: round(number / 2_000, 1) for one, number in found.items()} == {
        (ReceiptOutcome.DELIVERED,): 0.6,
        (ReceiptOutcome.UNDELIVERED,): 0.2,
        (ReceiptOutcome.HARD_BOUNCE,): 0.1,
        (): 0.1,
    }


def test_the_same_seed_and_delivery_id_have_the_same_receipts() -> None:
    first, again, other = (
        [outcomes(the_plan(seed, delivered_rate=0.5, undelivered_rate=0.5), number) for number in range(50)]
        for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_a_receipt_is_due_within_its_delay_and_jitter() -> None:
    plan = the_plan(delivered_rate=1, undelivered_rate=0, receipt_delay_ms=1_000, receipt_jitter_ms=500)
    delays = [plan.receipts_of(a_delivery(number))[0].delay_seconds or 0 for number in range(50)]

    assert 1 <= min(delays) < 1.1
    assert 1.4 < max(delays) <= 1.5


def test_a_receipt_sent_comes_before_or_late_as_the_options_say() -> None:
    all_delivered = {"delivered_rate": 1, "undelivered_rate": 0, "receipt_delay_ms": 100}
    before = the_plan(**all_delivered, sent_receipt_rate=1).receipts_of(a_delivery())
    late = the_plan(**all_delivered, late_sent_rate=1).receipts_of(a_delivery())

    assert [(one.receipt.outcome.value, one.delay_seconds) for one in before] == [("sent", 0.05), ("delivered", 0.1)]
    assert [(one.receipt.outcome.value, one.delay_seconds) for one in late] == [
        ("delivered", 0.1),
        ("sent", 0.1 + LATE_SECONDS),
    ]


def test_an_early_receipt_has_no_delay() -> None:
    plan = the_plan(delivered_rate=1, undelivered_rate=0, early_receipt_rate=1, receipt_delay_ms=100)

    assert [one.delay_seconds for one in plan.receipts_of(a_delivery())] == [None]


def test_a_vendor_of_the_other_channel_sends_no_receipt() -> None:
    plan = the_plan(receipts_format="twilio", delivered_rate=1, undelivered_rate=0)

    assert plan.receipts_of(a_delivery(channel=Channel.EMAIL)) == []
    assert plan.receipts_of(a_delivery()) != []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"delivered_rate": 0.97, "undelivered_rate": 0.04}, "the sum of the rates of receipts must be at most 1"),
        ({"sent_receipt_rate": 0.6, "late_sent_rate": 0.6}, "--sent-receipt-rate and --late-sent-rate"),
        ({"receipts_format": "twilio", "complaint_rate": 0.01}, "twilio has no receipt for: complaint"),
        ({"receipts_format": "tencent", "late_sent_rate": 0.01}, "tencent has no receipt for: sent"),
        ({"receipts_url": "http://127.0.0.1/callback?a=b"}, "--receipts-url: must not have a query"),
        ({"receipts_url": "file:///etc/passwd"}, "must be a URL of http or https"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], error: str) -> None:
    with pytest.raises(ValidationError, match=error):
        ReceiptBehaviour.model_validate(options)
