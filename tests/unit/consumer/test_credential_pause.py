"""A provider that refuses our credentials is paused, for longer each time, and tried with one call."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from consumer.flow_control.credential_pause import (
    FIRST_SECONDS,
    LONGEST_SECONDS,
    MOST_CALLS,
    OTHERS_FIRST_SECONDS,
    CredentialPause,
)
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
    """A provider with one answer for all messages, or one for each, which counts its calls."""

    name, channel = "vendor", Channel.SMS

    def __init__(self) -> None:
        self.answer: SendResult = WRONG
        self.own_answers: dict[str, SendResult] = {}
        self.calls = 0
        self.gate: asyncio.Event | None = None

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        self.calls += 1
        if self.gate:
            await self.gate.wait()
        return [self.own_answers.get(draft.id, self.answer) for draft in drafts]


class Calls:
    """Calls of a vendor, by a clock that a test moves. Each is for a message of its own, if a test names none."""

    def __init__(self) -> None:
        self.vendor, self.clock = Vendor(), ManualClock()
        self._caller = ProviderCaller(Metrics(), self.clock, asyncio.sleep)
        self._numbers = itertools.count()

    async def send(self, name: str | None = None) -> SendResult:
        """Send two messages in one call, and return their result."""
        first = replace(MESSAGE, id=name or f"log_{next(self._numbers)}")
        drafts = [a_draft(first), a_draft(replace(first, id=name or f"{first.id}b"))]
        results = await self._caller.send(cast("Provider", self.vendor), drafts)
        assert results[0] == results[1]
        return results[0]

    async def is_called(self, name: str | None = None) -> bool:
        """Send, and return whether the vendor was called."""
        before = self.vendor.calls
        await self.send(name)
        return self.vendor.calls > before


async def test_the_pause_doubles_with_each_refused_trial_up_to_ten_minutes() -> None:
    calls, pauses = Calls(), []
    for number in range(1, 8):
        answer = await calls.send()
        assert isinstance(answer, Retry)
        assert answer.delay_seconds
        pauses.append(answer.delay_seconds - OTHERS_FIRST_SECONDS)
        calls.clock.now += pauses[-1] - 1
        assert await calls.send() == Retry(WRONG.reason, WRONG.error, 1.0, offered=False)
        assert calls.vendor.calls == number
        calls.clock.now += 1
    assert pauses == [FIRST_SECONDS, 60, 120, 240, 480, LONGEST_SECONDS, LONGEST_SECONDS]


async def test_the_message_that_was_refused_leaves_the_trial_call_to_others() -> None:
    calls = Calls()
    await calls.send("refused")
    calls.clock.now += FIRST_SECONDS
    assert not await calls.is_called("refused")
    assert await calls.is_called()
    calls.clock.now += 60 + OTHERS_FIRST_SECONDS
    assert await calls.is_called("refused")


async def test_a_message_that_is_alone_is_tried_ever_more_rarely_and_others_wait_no_longer_for_it() -> None:
    calls, waits = Calls(), []
    for _ in range(6):
        answer = await calls.send("alone")
        assert isinstance(answer, Retry)
        assert answer.delay_seconds
        waits.append(answer.delay_seconds)
        calls.clock.now += answer.delay_seconds
    assert waits == [60, 90, 150, 270, 510, 630]
    await calls.send("alone")
    calls.clock.now += FIRST_SECONDS
    calls.vendor.answer = Sent()
    assert isinstance(await calls.send(), Sent)


async def test_a_message_that_is_refused_each_time_pauses_the_provider_once() -> None:
    calls, paused = Calls(), 0
    calls.vendor.answer = Sent()
    calls.vendor.own_answers = {"poison": WRONG}
    for _ in range(100):
        answer = await calls.send("poison")
        assert isinstance(answer, Retry)
        paused += answer.unreachable
        calls.clock.now += FIRST_SECONDS
        assert isinstance(await calls.send(), Sent)
    assert paused == 1
    assert answer.delay_seconds == FIRST_SECONDS


async def test_the_more_often_a_pause_was_wrong_the_more_calls_in_a_row_must_be_refused() -> None:
    calls, numbers = Calls(), []
    for _ in range(5):
        calls.vendor.answer = WRONG
        before = calls.vendor.calls
        while await calls.is_called():
            pass
        numbers.append(calls.vendor.calls - before)
        calls.vendor.answer = Sent()
        calls.clock.now += FIRST_SECONDS
        await calls.send()
    assert numbers == [1, 2, 4, MOST_CALLS, MOST_CALLS]


async def test_after_a_pause_that_was_right_one_call_begins_the_next_one() -> None:
    calls = Calls()
    for refused_trials in (0, 0, 1):  # two pauses that were wrong, and one that was right
        calls.vendor.answer = WRONG
        while await calls.is_called():
            pass
        for _ in range(refused_trials):
            calls.clock.now += FIRST_SECONDS
            assert await calls.is_called()
        calls.clock.now += 60
        calls.vendor.answer = Sent()
        await calls.send()
    calls.vendor.answer = WRONG
    assert await calls.is_called()
    assert not await calls.is_called()


async def test_an_error_that_was_wrong_once_changes_nothing_for_another_one() -> None:
    calls = Calls()
    await calls.send()
    calls.clock.now += FIRST_SECONDS
    calls.vendor.answer = Sent()
    await calls.send()
    calls.vendor.answer = replace(WRONG, error="HTTP 403")
    assert await calls.is_called()
    assert not await calls.is_called()


def test_a_call_of_which_the_provider_took_some_messages_begins_no_pause() -> None:
    for results in ([WRONG, Sent()], [Sent(), WRONG], [Failed(Reason.REJECTED), WRONG]):
        pause = CredentialPause(ManualClock())
        waiting = Retry(WRONG.reason, WRONG.error, FIRST_SECONDS)
        assert pause.record("log_1", results) == [waiting if result is WRONG else result for result in results]
        assert pause.refusal("log_2") is None


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
        another_takes_calls=another,
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


@pytest.mark.parametrize(
    "other", [Uncertain(Reason.NO_ANSWER), Retry(Reason.UNAVAILABLE), Failed(Reason.INVALID_CONTENT, offered=False)]
)
def test_what_no_provider_accepted_or_refused_ends_no_pause(other: SendResult) -> None:
    pause = CredentialPause(ManualClock())
    for result in (WRONG, other):
        pause.record("log_1", [result])
    assert pause.refusal("log_2") is not None


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
