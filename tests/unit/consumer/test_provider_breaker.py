"""A provider that fails is not called for a while, and then tried with one call."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from structlog.testing import capture_logs

from consumer.flow_control.provider_breaker import (
    FAILURES_IN_A_ROW,
    FIRST_SECONDS,
    LONGEST_SECONDS,
    SHARE_CALLS,
    SHARE_SECONDS,
)
from consumer.monitoring.metrics import Metrics
from consumer.provider_caller import ProviderCaller
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.draft import Draft
from providers.provider import NO_FREE_CONNECTION, Provider
from schemas.statuses import Channel, Reason
from tests.support.clock import ManualClock
from tests.support.drafts import a_draft

MESSAGE = Message("log_1", Channel.SMS, "+8613800138000", "Hello", None, False, None, "tnt_1")


class Vendor:
    """A provider with one answer, which counts its calls."""

    name, channel = "vendor", Channel.SMS

    def __init__(self) -> None:
        self.answer: SendResult = Sent()
        self.calls = 0

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        self.calls += 1
        return [self.answer] * len(drafts)


class Calls:
    """Calls of a vendor, by a clock that a test moves."""

    def __init__(self) -> None:
        self.vendor, self.clock = Vendor(), ManualClock()
        self._caller = ProviderCaller(Metrics(), self.clock, asyncio.sleep)

    async def send(self) -> SendResult:
        drafts = [a_draft(MESSAGE), a_draft(MESSAGE)]
        first, second = await self._caller.send(cast("Provider", self.vendor), drafts)
        assert first == second
        return first


FAILED_CALL = Retry(Reason.UNAVAILABLE, "HTTP 503")
SILENCE = Uncertain(Reason.NO_ANSWER, "timed out")
GREYLISTED = Retry(Reason.UNAVAILABLE, "RCPT: SMTP 450")
THROTTLED = Retry(Reason.RATE_LIMITED, "HTTP 429")


async def calls_after(*answers: SendResult) -> Calls:
    """Return the calls after these answers, each to a call of two messages."""
    calls = Calls()
    for answer in answers:
        calls.vendor.answer = answer
        await calls.send()
    return calls


async def is_called(calls: Calls) -> bool:
    before = calls.vendor.calls
    await calls.send()
    return calls.vendor.calls > before


@pytest.mark.parametrize("failure", [FAILED_CALL, SILENCE])
async def test_failures_in_a_row_open_it_and_one_answer_between_them_does_not(failure: SendResult) -> None:
    enough = FAILURES_IN_A_ROW
    assert not await is_called(await calls_after(*[failure] * enough))
    assert await is_called(await calls_after(*[failure] * (enough - 1), Sent(), *[failure] * (enough - 1)))


async def test_a_share_of_failures_opens_it_within_some_seconds() -> None:
    mixed = [Sent(), FAILED_CALL] * (SHARE_CALLS // 2)
    assert not await is_called(await calls_after(*mixed))
    calls = await calls_after(*mixed[: len(mixed) // 2])
    calls.clock.now += SHARE_SECONDS
    for answer in mixed[: len(mixed) // 2]:
        calls.vendor.answer = answer
        await calls.send()
    assert await is_called(calls)


REJECTED = Failed(Reason.REJECTED, "RCPT: SMTP 550")


@pytest.mark.parametrize("answer", [GREYLISTED, THROTTLED, Failed(Reason.REJECTED, "HTTP 400"), REJECTED])
async def test_what_is_about_one_message_or_the_pace_opens_it_never(answer: SendResult) -> None:
    assert await is_called(await calls_after(*[answer] * SHARE_CALLS))


async def test_a_message_without_a_free_connection_tells_nothing() -> None:
    half = [FAILED_CALL] * (FAILURES_IN_A_ROW // 2)
    calls = await calls_after(*half, NO_FREE_CONNECTION, *half)
    assert not await is_called(calls)
    calls.clock.now += FIRST_SECONDS
    calls.vendor.answer = NO_FREE_CONNECTION
    assert await is_called(calls)
    calls.vendor.answer = FAILED_CALL
    assert await is_called(calls)
    assert not await is_called(calls)


async def test_its_time_doubles_with_each_failed_trial_and_one_good_trial_closes_it() -> None:
    calls, waits = await calls_after(*[FAILED_CALL] * FAILURES_IN_A_ROW), []
    for _ in range(6):
        refusal = await calls.send()
        assert isinstance(refusal, Retry)
        assert (refusal.offered, refusal.unreachable, refusal.reason) == (False, True, Reason.UNAVAILABLE)
        waits.append(refusal.delay_seconds)
        calls.clock.now += refusal.delay_seconds or 0
        assert await is_called(calls)
    assert waits == [FIRST_SECONDS, 10, 20, 40, LONGEST_SECONDS, LONGEST_SECONDS]
    calls.clock.now += LONGEST_SECONDS
    calls.vendor.answer = Sent()
    assert await is_called(calls)
    assert await is_called(calls)
    calls.vendor.answer = FAILED_CALL
    assert await is_called(calls)
    assert await is_called(calls)


async def test_one_line_says_that_calls_end_and_one_that_they_begin_again_however_many_calls_fail_together() -> None:
    calls = Calls()
    go_on = asyncio.Event()

    async def send(drafts: Sequence[Draft]) -> list[SendResult]:
        await go_on.wait()
        return [calls.vendor.answer] * len(drafts)

    calls.vendor.answer = FAILED_CALL
    calls.vendor.send = send  # type: ignore[method-assign]
    with capture_logs() as lines:
        failing = asyncio.gather(*(calls.send() for _ in range(3 * FAILURES_IN_A_ROW)))
        await asyncio.sleep(0)
        go_on.set()
        await failing
        calls.clock.now += FIRST_SECONDS
        calls.vendor.answer = Sent()
        await calls.send()
    assert [line["event"] for line in lines if "called" in line["event"]] == [
        "provider is not called",
        "provider is called again",
    ]
