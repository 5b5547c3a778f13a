"""The metric label `answer` has a closed set of values, one for each answer of a provider."""

import asyncio
import time
from typing import cast, get_args

import pytest
from prometheus_client import generate_latest

from consumer.monitoring.metrics import Metrics
from consumer.provider_caller import ANSWER_LABELS, ProviderCaller
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.draft import Draft, as_it_is
from providers.provider import OneByOne, Provider
from schemas.statuses import Channel, Reason
from tests.support.drafts import a_draft

MESSAGE = Message("log_1", Channel.SMS, "13800138000", "Hello", None, False, None, "tnt_test")


class Answering(OneByOne):
    """A minimal provider that returns one answer or raises."""

    name = "book"
    channel = Channel.SMS

    def __init__(self, answer: SendResult | Exception) -> None:
        self._answer = answer

    async def send_one(self, draft: Draft) -> SendResult:
        await draft.prepare(as_it_is)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        (Sent(), "sent"),
        (Retry(Reason.UNAVAILABLE), "retry"),
        (Failed(Reason.REJECTED), "failed"),
        (Uncertain(Reason.NO_ANSWER), "uncertain"),
        (OSError(), "uncertain"),
    ],
)
async def test_each_answer_has_its_label(answer: SendResult | Exception, label: str) -> None:
    metrics = Metrics()
    provider = cast("Provider", Answering(answer))
    await ProviderCaller(metrics, time.monotonic, asyncio.sleep).send(provider, [a_draft(MESSAGE)])

    page = generate_latest(metrics.registry).decode()
    assert f'rollcall_provider_seconds_count{{answer="{label}",provider="book"}} 1.0' in page


def test_the_labels_are_a_closed_set() -> None:
    assert ANSWER_LABELS.keys() == set(get_args(SendResult))
    assert sorted(ANSWER_LABELS.values()) == ["failed", "retry", "sent", "uncertain"]
