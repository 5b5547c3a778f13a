"""A provider that refuses our credentials is paused, for longer each time, and tried with one call."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from consumer.flow_control.credential_pause import FIRST_SECONDS, LONGEST_SECONDS, CredentialPause
from consumer.monitoring.metrics import Metrics
from consumer.provider_caller import ProviderCaller
from core.chunk_work import History, WaitingDelivery
from core.delivery_outcome import Outcome, OutcomeRules, WindowDelivery, decide
from core.retry import RetryPolicy
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.draft import Draft
from providers.provider import Provider
from schemas.statuses import Channel, OnUncertain, Reason, Status
from tests.support.clock import ManualClock
from tests.support.drafts import a_draft

WRONG = Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "HTTP 401")
MESSAGE = Message("log_1", Channel.SMS, "+8613800138000", "Hello", None, False, None, "tnt_1")


class Vendor:
    """A provider with one answer, which counts its calls."""

    name, channel = "vendor", Channel.SMS

    def __init__(self) -> None:
        self.answer: SendResult = WRONG
        self.calls = 0
        self.gate: asyncio.Event | None = None

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        self.calls += 1
        if self.gate:
            await self.gate.wait()
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


async def test_the_pause_doubles_with_each_refused_trial_up_to_ten_minutes() -> None:
    calls, pauses = Calls(), []
    for number in range(1, 8):
        answer = await calls.send()
        assert isinstance(answer, Retry)
        assert answer.delay_seconds
        pauses.append(answer.delay_seconds)
        calls.clock.now += answer.delay_seconds - 1
        assert await calls.send() == Retry(WRONG.reason, WRONG.error, 1.0, offered=False)
        assert calls.vendor.calls == number
        calls.clock.now += 1
    assert pauses == [FIRST_SECONDS, 60, 120, 240, 480, LONGEST_SECONDS, LONGEST_SECONDS]


async def test_one_trial_call_is_made_and_its_success_ends_the_pause() -> None:
    calls = Calls()
    await calls.send()
    calls.clock.now += FIRST_SECONDS
    calls.vendor.answer, calls.vendor.gate = Sent(), asyncio.Event()
    trial = asyncio.create_task(calls.send())
    await asyncio.sleep(0)
    assert isinstance(await calls.send(), Retry)
    assert calls.vendor.calls == 2
    calls.vendor.gate.set()
    assert isinstance(await trial, Sent)
    assert isinstance(await calls.send(), Sent)


async def test_a_trial_that_is_cancelled_leaves_the_next_one_possible() -> None:
    calls = Calls()
    await calls.send()
    calls.clock.now += FIRST_SECONDS
    calls.vendor.gate = asyncio.Event()
    trial = asyncio.create_task(calls.send())
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.wait([trial])
    calls.vendor.gate.set()
    await calls.send()
    assert calls.vendor.calls == 3


def decide_after(waited: timedelta, *, another: bool = False, paused: bool = True) -> Outcome | WaitingDelivery | None:
    rules = OutcomeRules(
        on_uncertain=OnUncertain.MARK_UNKNOWN,
        provider="vendor",
        deduplicates=False,
        sticky=False,
        providers=2,
        another_is_reachable=another,
        now=datetime(2026, 11, 30, tzinfo=UTC),
        retry=RetryPolicy(3, timedelta(hours=1)),
        jitter=lambda: 0.5,
    )
    answer = Retry(WRONG.reason, WRONG.error, 600, offered=not paused, unreachable=True)
    return decide(WindowDelivery(0, 2, False, answer, History(waited, Reason.UNAVAILABLE, None)), rules)


def test_only_age_ends_a_delivery_whose_provider_refuses_the_credentials() -> None:
    for paused in (True, False):
        waiting = decide_after(timedelta(minutes=50), paused=paused)
        assert isinstance(waiting, WaitingDelivery)
        assert waiting.attempts == 2
        assert waiting.history
        assert (waiting.history.waited > timedelta(minutes=50), waiting.history.reason) == (True, WRONG.reason)
        outcome = decide_after(timedelta(hours=1), paused=paused)
        assert outcome == Outcome(Status.FAILED, WRONG.reason, WRONG.error)


def test_a_delivery_waits_for_the_pause_only_if_no_other_provider_takes_the_turn() -> None:
    alone, shared = decide_after(timedelta()), decide_after(timedelta(), another=True)
    assert isinstance(alone, WaitingDelivery)
    assert isinstance(shared, WaitingDelivery)
    assert (alone.not_before - shared.not_before) > timedelta(minutes=9)


@pytest.mark.parametrize("other", [Uncertain(Reason.NO_ANSWER), Retry(Reason.UNAVAILABLE)])
def test_what_no_provider_accepted_or_refused_ends_no_pause(other: SendResult) -> None:
    pause = CredentialPause(ManualClock())
    for result in (WRONG, other):
        pause.record(result)
    assert pause.refusal() is not None


async def test_a_message_that_cannot_be_made_ends_no_pause() -> None:
    class Careful(Vendor):
        async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
            drafts[-1].problem = Failed(Reason.INVALID_CONTENT)
            return await super().send(drafts)

    calls = Calls()
    calls.vendor = Careful()
    caller = ProviderCaller(Metrics(), calls.clock, asyncio.sleep)
    drafts = [a_draft(MESSAGE), a_draft(MESSAGE)]
    first, second = await caller.send(cast("Provider", calls.vendor), drafts)
    assert (type(first), type(second)) == (Retry, Failed)
    await caller.send(cast("Provider", calls.vendor), [a_draft(MESSAGE)])
    assert calls.vendor.calls == 1
