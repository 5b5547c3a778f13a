"""Codes of a vendor: each has its result. One that the table does not know is counted, and shown only if it may be."""

import asyncio
import time
from collections.abc import Sequence
from typing import cast

import pytest
from prometheus_client import generate_latest

from consumer.monitoring.metrics import Metrics
from consumer.provider_caller import MAX_UNKNOWN_CODES, ProviderCaller
from core.send_result import Failed, Message, Retry, SendResult
from providers.draft import Draft
from providers.outcome_table import OutcomeTable
from providers.provider import Provider
from providers.result_codes import ResultKind
from schemas.statuses import Channel, Reason
from tests.support.drafts import a_draft

TABLE = OutcomeTable(
    "vendor", "https://vendor.example", {"7": ResultKind.COUNTRY_REFUSED, "8": ResultKind.CREDENTIALS}, frozenset("8")
)
MESSAGE = Message("log_1", Channel.SMS, "+8613800138000", "Hello", None, False, None, "tnt_1")


def test_a_known_code_has_the_result_of_the_table() -> None:
    assert TABLE.result(7) == Failed(Reason.COUNTRY_REFUSED, "vendor 7")
    assert TABLE.result("8", 3) == Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "vendor 8", 3)
    assert [TABLE.one_for_all(code).blames_no_message for code in ("7", "8")] == [False, True]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("isv.NEW_LIMIT", "isv.NEW_LIMIT"),
        (30_007, "30007"),
        (None, "None"),
        ("+8613800138000", "(unknown)"),
        ("13800138000", "(unknown)"),
        ("code-13800138000", "(unknown)"),
        ("anna@example.com", "(unknown)"),
        ("two words", "(unknown)"),
        ("x" * 65, "(unknown)"),
        ({"to": "anna"}, "(unknown)"),
    ],
)
def test_an_unknown_code_is_a_refusal_and_shows_no_address(code: object, shown: str) -> None:
    result = TABLE.result(code)
    assert isinstance(result, Failed)
    assert (result.reason, result.error, result.unknown_code) == (Reason.REJECTED, f"vendor {shown}", shown)


async def test_unknown_codes_are_counted_and_their_number_is_bounded() -> None:
    class Vendor:
        name, channel = "vendor", Channel.SMS

        async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
            return [TABLE.result(f"new.{number}") for number in range(len(drafts))]

    metrics = Metrics()
    caller = ProviderCaller(metrics, time.monotonic, asyncio.sleep)
    await caller.send(cast("Provider", Vendor()), [a_draft(MESSAGE)] * (MAX_UNKNOWN_CODES + 5))

    page = generate_latest(metrics.registry).decode()
    assert 'rollcall_provider_unknown_codes_total{code="new.99",provider="vendor"} 1.0' in page
    assert 'rollcall_provider_unknown_codes_total{code="(other)",provider="vendor"} 5.0' in page
    assert page.count("rollcall_provider_unknown_codes_total{") == MAX_UNKNOWN_CODES + 1
