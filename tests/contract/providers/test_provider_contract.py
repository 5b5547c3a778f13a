"""Contract of all providers, tested for each kind against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.send_result import Failed, HiddenMessageId, Message, Retry, SendResult, Sent, Uncertain
from providers.draft import WITHDRAWN, Draft
from providers.provider import CLOSED, offer
from schemas.statuses import Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import QUICK_SECONDS, Stage, a_message
from tests.contract.providers.stages import OVER_THE_NETWORK, STAGES, a_stage
from tests.support.drafts import ENDLESS, a_draft, send, send_all
from tests.support.polling import wait_until

EXPECTED: dict[Act, tuple[type[SendResult], Reason | None]] = {
    Act.TAKE: (Sent, None),
    Act.REFUSE: (Failed, None),
    Act.UNAVAILABLE: (Retry, Reason.UNAVAILABLE),
    Act.THROTTLE: (Retry, Reason.RATE_LIMITED),
    Act.HANG: (Uncertain, Reason.NO_ANSWER),
    Act.CUT: (Uncertain, Reason.NO_ANSWER),
    Act.GIBBERISH: (Uncertain, Reason.NO_ANSWER),
    Act.CREDENTIALS: (Retry, Reason.PROVIDER_REJECTED_CREDENTIALS),
}


over_the_network = pytest.mark.parametrize("stage", OVER_THE_NETWORK, indirect=True)


@pytest.fixture(params=STAGES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with a_stage(request.param) as made:
        yield made


@pytest.mark.parametrize(
    ("stage", "act"),
    [(kind, act) for kind, stage in STAGES.items() for act in stage.acts],
    indirect=["stage"],
)
async def test_each_behaviour_of_the_server_has_its_result_and_leaves_the_provider_usable(
    stage: Stage, act: Act
) -> None:
    provider = stage.provider(timeout_seconds=QUICK_SECONDS if act is Act.HANG else 10)
    kind, reason = EXPECTED[act]
    reason = stage.refusal if act is Act.REFUSE else reason

    answer = await send(provider, a_message(stage, act, 1))
    after = await send(provider, a_message(stage, Act.TAKE, 2))
    await provider.aclose()

    assert isinstance(answer, kind)
    assert getattr(answer, "reason", None) is reason
    assert isinstance(after, Sent)
    assert "log_2" in stage.taken()
    assert "geheim" not in repr(provider)


async def test_a_message_taken_carries_the_id_that_its_receipt_will_name(stage: Stage) -> None:
    provider = stage.provider()

    answer = await send(provider, a_message(stage))
    await provider.aclose()

    assert isinstance(answer, Sent)
    kept = answer.message_id.text if isinstance(answer.message_id, HiddenMessageId) else answer.message_id
    assert kept == stage.message_id("log_1")


@pytest.mark.parametrize(
    "stage",
    [kind for kind, stage in STAGES.items() if Act.THROTTLE in stage.acts],
    indirect=True,
)
async def test_a_throttled_message_has_a_delay(stage: Stage) -> None:
    provider = stage.provider()
    answer = await send(provider, a_message(stage, Act.THROTTLE))
    await provider.aclose()

    assert isinstance(answer, Retry)
    assert answer.delay_seconds == pytest.approx(stage.throttle_seconds, abs=3)


@over_the_network
async def test_without_a_server_no_message_is_accepted(stage: Stage) -> None:
    provider = stage.away()

    answer = await send(provider, a_message(stage))
    await provider.aclose()

    assert answer == Retry(Reason.UNAVAILABLE, "connecting: connection refused")


@over_the_network
async def test_a_time_out_before_the_request_was_written_is_not_uncertain(stage: Stage) -> None:
    provider = stage.not_ready()

    answer = await send(provider, a_message(stage))
    await provider.aclose()

    assert answer == Retry(Reason.UNAVAILABLE, "connecting: timed out")


@pytest.mark.parametrize("error", [ValueError, MemoryError, asyncio.CancelledError])
async def test_a_fault_before_the_message_is_written_is_not_uncertain_and_sends_nothing(
    stage: Stage, error: type[BaseException]
) -> None:
    provider = stage.provider(**({stage.limit: 1} if stage.limit else {}))

    def render() -> Message:
        raise error

    answer, after = await asyncio.gather(
        offer(provider, [Draft("log_1", render, 0, ENDLESS)]),
        send(provider, a_message(stage, number=2)),
        return_exceptions=True,
    )
    await provider.aclose()

    assert not (isinstance(answer, list) and isinstance(answer[0], Uncertain))
    assert isinstance(after, Sent)
    assert stage.taken() == ["log_2"]


async def test_content_that_cannot_be_encoded_is_invalid_and_not_uncertain(stage: Stage) -> None:
    provider = stage.provider()

    answer = await send(provider, replace(a_message(stage), text=object(), variables={"code": object()}))
    await provider.aclose()

    if stage.limit:  # the simulator encodes nothing
        assert isinstance(answer, Failed)
        assert answer.reason is Reason.INVALID_CONTENT
        assert stage.taken() == []


@over_the_network
@pytest.mark.parametrize("asked", [0, 1], ids=["before it is made", "before its first byte"])
async def test_a_message_that_may_not_leave_any_more_is_withdrawn(stage: Stage, asked: int) -> None:
    provider = stage.provider()
    draft, may_leave = a_draft(a_message(stage)), [True] * asked
    draft.may_leave = lambda: bool(may_leave and may_leave.pop())
    answers = await offer(provider, [draft])
    after = await send(provider, a_message(stage, number=2))
    await provider.aclose()

    assert answers == [WITHDRAWN]
    assert draft.is_prepared is bool(asked)
    assert isinstance(after, Sent)
    assert stage.taken() == ["log_2"]


@over_the_network
async def test_a_message_is_rendered_only_when_there_is_a_connection_for_it(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=60, **{stage.limit: 1})
    rendered: list[str] = []

    def render() -> Message:
        rendered.append("log_2")
        return a_message(stage, Act.TAKE, 2)

    hanging = asyncio.create_task(send(provider, a_message(stage, Act.HANG, 1)))
    await wait_until(lambda: stage.arrived() == 1, seconds=10)
    waiting = asyncio.create_task(offer(provider, [Draft("log_2", render, 0, ENDLESS)]))
    await asyncio.sleep(0)
    assert rendered == []

    hanging.cancel()
    assert isinstance((await waiting)[0], Sent)
    assert rendered == ["log_2"]
    await provider.aclose()


async def test_a_send_ends_with_its_time_out(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=QUICK_SECONDS)
    started = asyncio.get_running_loop().time()

    await send(provider, a_message(stage, Act.HANG))
    taken_seconds = asyncio.get_running_loop().time() - started
    await provider.aclose()

    assert taken_seconds + 0.01 >= QUICK_SECONDS
    assert taken_seconds < QUICK_SECONDS + 2


async def test_a_cancelled_send_stops_at_once_and_the_provider_stays_usable(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=60)
    task = asyncio.create_task(send(provider, a_message(stage, Act.HANG)))
    await asyncio.sleep(0)
    await wait_until(lambda: stage.arrived() == 1, seconds=10)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert isinstance(await send(provider, a_message(stage, number=2)), Sent)
    await provider.aclose()


async def test_a_closed_provider_reports_it_and_sends_nothing(stage: Stage) -> None:
    provider = stage.provider()
    await send(provider, a_message(stage, number=1))
    await provider.aclose()
    await provider.aclose()

    assert await send(provider, a_message(stage, number=2)) == CLOSED
    assert await provider.check() == "provider closed"
    assert stage.taken() == ["log_1"]


async def test_a_provider_closed_before_its_first_send_reports_it_too(stage: Stage) -> None:
    provider = stage.provider()
    await provider.aclose()

    assert await send(provider, a_message(stage)) == CLOSED


@over_the_network
async def test_a_send_that_is_cut_by_a_close_is_uncertain(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=QUICK_SECONDS)
    task = asyncio.create_task(send(provider, a_message(stage, Act.HANG)))
    await wait_until(lambda: stage.arrived() == 1, seconds=10)

    await provider.aclose()

    assert isinstance(await task, Uncertain)


@over_the_network
async def test_a_provider_closed_during_a_wait_for_a_connection_sends_nothing(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=2 * QUICK_SECONDS, **{stage.limit: 1})
    hanging = asyncio.create_task(send(provider, a_message(stage, Act.HANG, 1)))
    await wait_until(lambda: stage.arrived() == 1, seconds=10)
    waiting = asyncio.create_task(send(provider, a_message(stage, Act.TAKE, 2)))
    await asyncio.sleep(0)

    hanging.cancel()
    await provider.aclose()

    assert await waiting == CLOSED
    assert stage.taken() == []


@over_the_network
async def test_a_stopped_provider_waits_for_answers_and_refuses_waiting_sends(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=60, **{stage.limit: 1})
    begun = asyncio.create_task(send(provider, a_message(stage, Act.HANG, 1)))
    await wait_until(lambda: stage.arrived() == 1, seconds=10)
    waiting = asyncio.create_task(send(provider, a_message(stage, Act.TAKE, 2)))
    await asyncio.sleep(0)

    started = asyncio.get_running_loop().time()
    provider.stop(QUICK_SECONDS)

    assert await waiting == CLOSED
    assert await send(provider, a_message(stage, Act.TAKE, 3)) == CLOSED
    assert not begun.done()
    assert isinstance(await begun, Uncertain)
    assert asyncio.get_running_loop().time() - started + 0.01 >= QUICK_SECONDS
    await provider.aclose()
    assert stage.taken() == []


async def test_a_send_that_is_answered_in_time_after_a_stop_is_sent(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=60)
    begun = asyncio.create_task(send(provider, a_message(stage, Act.TAKE)))
    await asyncio.sleep(0)

    provider.stop(30)

    assert isinstance(await begun, Sent)
    await provider.aclose()
    assert stage.taken() == ["log_1"]


async def test_concurrent_messages_are_each_accepted_once(stage: Stage) -> None:
    provider = stage.provider(timeout_seconds=60)

    answers = await asyncio.gather(*(send(provider, a_message(stage, number=number)) for number in range(100)))
    await provider.aclose()

    assert {type(answer) for answer in answers} == {Sent}
    assert sorted(stage.taken()) == sorted(f"log_{number}" for number in range(100))


async def test_a_check_finds_nothing_wrong_and_sends_nothing(stage: Stage) -> None:
    provider = stage.provider()

    assert await provider.check() is None

    await provider.aclose()
    assert stage.taken() == []


@over_the_network
async def test_a_check_says_in_one_line_what_is_wrong(stage: Stage) -> None:
    away, not_ready = stage.away(), stage.not_ready()

    said = [await away.check(), await not_ready.check()]
    await away.aclose()
    await not_ready.aclose()

    assert said == ["connecting: connection refused", "connecting: timed out"]


async def test_a_provider_shows_the_values_of_its_entry(stage: Stage) -> None:
    provider = stage.provider(rate_per_second=20, timeout_seconds=3)

    assert (provider.name, provider.channel) == ("tried", stage.channel)
    assert (provider.rate_per_second, provider.timeout_seconds) == (20, 3)
    assert provider.deduplicates is False
    await provider.aclose()


batched = pytest.mark.parametrize("stage", [kind for kind, stage in STAGES.items() if stage.batches], indirect=True)


@batched
async def test_a_refused_message_of_a_batch_harms_no_other_and_none_is_sent_twice(stage: Stage) -> None:
    provider = stage.provider()
    acts = [Act.TAKE, Act.REFUSE, Act.TAKE, Act.TAKE, Act.TAKE]

    answers = await send_all(provider, *(numbered(stage, act, number) for number, act in enumerate(acts)))
    await provider.aclose()

    assert [type(answer) for answer in answers] == [Failed if act is Act.REFUSE else Sent for act in acts]
    assert answers[1].reason is stage.refusal  # type: ignore[union-attr]
    assert sorted(stage.taken()) == ["log_0", "log_2", "log_3", "log_4"]


@batched
@pytest.mark.parametrize("act", [Act.HANG, Act.CUT])
async def test_without_an_answer_each_message_of_a_batch_is_uncertain(stage: Stage, act: Act) -> None:
    provider = stage.provider(timeout_seconds=QUICK_SECONDS)
    answers = await send_all(provider, numbered(stage, Act.TAKE, 1), numbered(stage, act, 2))
    await provider.aclose()

    assert [type(answer) for answer in answers] == [Uncertain] * 2


def numbered(stage: Stage, act: Act, number: int) -> Message:
    """Return a message to an address of its own, and with a text of its own."""
    message = a_message(stage, act, number)
    return replace(message, to=stage.address(act, number), text=f"{message.text} {number}")
