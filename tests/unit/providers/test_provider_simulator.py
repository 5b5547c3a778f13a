"""Kind `simulator`: its results depend on the seed, the delivery id and the attempt."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.simulator import SimulatorEntry, SimulatorProvider
from schemas.statuses import Channel, Reason
from tests.support.drafts import send


def a_provider(**entry: Any) -> SimulatorProvider:
    return SimulatorProvider(
        SimulatorEntry.model_validate({"name": "sim", "kind": "simulator", "channel": "sms", **entry})
    )


def a_message(number: int = 1, to: str = "+8613800138000") -> Message:
    return Message(f"log_{number}", Channel.SMS, to, "Hello", None, False, None, "tnt_1")


async def test_without_latency_the_simulator_answers_without_yielding() -> None:
    sending = send(a_provider(), a_message())

    with pytest.raises(StopIteration) as ended:
        sending.send(None)  # the first step is the last: no task, no timer, no turn of the loop

    assert ended.value.value == Sent("sim-log_1")


async def test_the_same_seed_repeats_every_answer_whatever_the_order() -> None:
    rates = {"failure_rate": 0.2, "retry_rate": 0.2, "throttle_rate": 0.1, "drop_rate": 0.1, "seed": 7}
    numbers = list(range(200))

    async def answers(order: list[int]) -> dict[tuple[int, int], SendResult]:
        provider = a_provider(**rates)
        return {(number, attempt): await send(provider, a_message(number)) for attempt in range(3) for number in order}

    shuffled = random.Random(1).sample(numbers, len(numbers))

    assert await answers(numbers) == await answers(shuffled)


async def test_the_rates_are_kept_on_the_whole() -> None:
    provider = a_provider(failure_rate=0.1, retry_rate=0.2, throttle_rate=0.05, drop_rate=0.05, retry_after_seconds=4)

    seen = Counter([await send(provider, a_message(number)) for number in range(10_000)])

    def share(answer: SendResult) -> float:
        return seen[answer] / 10_000

    assert share(Failed(Reason.REJECTED, "simulated: refused")) == pytest.approx(0.1, abs=0.02)
    assert share(Retry(Reason.UNAVAILABLE, "simulated: unavailable")) == pytest.approx(0.2, abs=0.02)
    assert share(Retry(Reason.RATE_LIMITED, "simulated: too many", 4)) == pytest.approx(0.05, abs=0.02)
    assert share(Uncertain(Reason.NO_ANSWER, "simulated: cut")) == pytest.approx(0.05, abs=0.02)
    assert provider.accepted == 10_000 - sum(seen[answer] for answer in seen if isinstance(answer, Failed | Retry))


async def test_another_seed_answers_otherwise() -> None:
    first, second = a_provider(retry_rate=0.5, seed=1), a_provider(retry_rate=0.5, seed=2)

    assert [await send(first, a_message(number)) for number in range(50)] != [
        await send(second, a_message(number)) for number in range(50)
    ]


async def test_a_refusal_for_the_moment_is_drawn_anew_at_each_attempt() -> None:
    provider = a_provider(retry_rate=0.5)

    answers = [await send(provider, a_message()) for _ in range(50)]

    assert {type(answer) for answer in answers} == {Retry, Sent}


@pytest.mark.parametrize(
    ("rule", "answers"),
    [
        ("fail_suffixes", [Failed, Failed]),
        ("retry_once_suffixes", [Retry, Sent]),
        ("throttle_once_suffixes", [Retry, Sent]),
        ("hang_suffixes", [Uncertain, Uncertain]),
        ("drop_suffixes", [Uncertain, Uncertain]),
    ],
)
async def test_an_addresss_ending_decides_where_a_rule_names_it(rule: str, answers: list[type[SendResult]]) -> None:
    provider = a_provider(timeout_seconds=0.01, **{rule: ["99", "98"]})

    marked = [type(await send(provider, a_message(1, "+8613800138099"))) for _ in range(2)]

    assert marked == answers
    assert isinstance(await send(provider, a_message(2)), Sent)


async def test_a_hanging_message_was_not_accepted_and_a_dropped_one_was() -> None:
    provider = a_provider(timeout_seconds=0.01, hang_suffixes=["1"], drop_suffixes=["2"])

    await send(provider, a_message(1, "+11"))
    await send(provider, a_message(2, "+12"))

    assert provider.accepted == 1


async def test_a_deduplicating_simulator_answers_a_repeat_without_accepting_it_again() -> None:
    provider = a_provider(deduplicates=True, drop_suffixes=["2"])

    answers = [await send(provider, a_message(1, "+12")) for _ in range(2)]

    assert answers == [Uncertain(Reason.NO_ANSWER, "simulated: cut"), Sent("sim-log_1")]
    assert provider.accepted == 1


async def test_a_simulator_without_deduplication_accepts_a_repeat_again() -> None:
    provider = a_provider()

    await send(provider, a_message())
    await send(provider, a_message())

    assert provider.accepted == 2


async def test_the_simulator_keeps_a_limited_number_of_ids_and_no_address() -> None:
    provider = a_provider(remember=10, retry_rate=0.5, deduplicates=True)

    for number in range(1_000):
        await send(provider, a_message(number))

    assert len(provider._results._taken) <= 10
    assert len(provider._results._seen) <= 10
    assert "13800138000" not in str({**vars(provider), **vars(provider._results)})


async def test_an_answer_takes_its_latency_and_no_longer_than_the_time_out() -> None:
    slow = a_provider(latency_ms=20, jitter_ms=20)
    too_slow = a_provider(latency_ms=60_000, timeout_seconds=0.02)
    loop = asyncio.get_running_loop()

    started = loop.time()
    answers = [await send(slow, a_message()), await send(too_slow, a_message())]

    assert answers == [Sent("sim-log_1"), Uncertain(Reason.NO_ANSWER, "simulated: timed out")]
    assert loop.time() - started >= 0.039
    assert too_slow.accepted == 0
