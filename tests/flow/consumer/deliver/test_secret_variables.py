"""Values of secret variables: they are sent, and erased together with the outcome of their delivery."""

from dataclasses import replace

import pytest

from core.send_result import Failed, Message, Retry, SendResult, Sent
from ledger.chunk_recipients import open_chunk_recipients
from ledger.sealed_text import unseal_template
from schemas.statuses import Reason
from tests.flow.consumer.secret_steps import (
    CODES,
    KEY,
    NUMBERS,
    PEOPLE,
    expanded,
    secrets_left,
    sent_texts,
    shown,
    store_of,
)
from tests.flow.world import LEASE_SECONDS, RecordingProvider, Steps, World


def retries(*endings: str) -> RecordingProvider:
    """Refuse the first call for numbers with these endings."""

    def answer(message: Message, before: int) -> SendResult:
        return Retry(Reason.UNAVAILABLE) if before == 0 and message.to.endswith(endings) else Sent()

    return RecordingProvider(answers=answer)


async def test_the_real_value_is_sent_and_none_is_left_after_the_completion() -> None:
    world = World()
    await expanded(world)
    assert await secrets_left(world) == [*CODES, "97531"]

    await world.deliver_all()

    assert sent_texts(world) == [f"Wei: {code}, a.example, 97531" for code in CODES]
    assert world.events("request.completed")
    assert await secrets_left(world) == []


async def test_no_event_and_no_log_carries_a_value() -> None:
    world = World(RecordingProvider(answers=lambda message, _: Sent(f"m-{message.reference}")))
    await expanded(world)
    await world.deliver_all()

    written = repr(world.bus.events) + repr(await world.logs()) + repr(store_of(world))
    assert not [code for code in (*CODES, "97531") if code in written]


async def test_other_variables_stay() -> None:
    world = World()
    await expanded(world)
    await world.deliver_all()

    (document,) = store_of(world).chunks.values()
    assert open_chunk_recipients(world.sealer, document.chunk)[0] == ("+8613800000000", {"name": "Wei"}, None)
    request = await world.ledger.requests.get(KEY)
    assert request is not None
    assert unseal_template(world.sealer, request.header)["variables"] == {"site": "a.example"}


@pytest.mark.parametrize("code", ["3", "Wei", "a.example", "***", "{{name}}"])
async def test_the_placeholder_is_masked_and_an_equal_word_elsewhere_stays(code: str) -> None:
    world = World()
    await expanded(world, {"to": NUMBERS[0], "variables": {"code": code, "name": "Wei"}})
    before = await shown(world)
    await world.deliver_all()

    assert sent_texts(world) == [f"Wei: {code}, a.example, 97531"]
    assert before == await shown(world) == {"Wei: ***, a.example, ***"}


async def test_the_values_of_a_delivery_that_is_retried_stay_and_those_of_the_others_go() -> None:
    world = World(retries("03"))
    await expanded(world)
    await world.deliver_all()

    assert await secrets_left(world) == [CODES[3], "97531"]
    assert await shown(world) == {"Wei: ***, a.example, ***"}

    await world.settle()

    assert sent_texts(world) == [f"Wei: {code}, a.example, 97531" for code in CODES]
    assert await secrets_left(world) == []


async def test_the_values_of_a_window_go_when_the_next_window_is_written() -> None:
    """A process dies while it sends the second window of two. The first window is logged and written as finished."""
    world, steps = World(), Steps()
    await expanded(world)
    await world.deliver_all(world.context(steps))
    kill_at = steps.done.index("chunks.advance")

    world = World()
    await expanded(world)
    await world.run_until_killed(world.deliver_all(world.context(Steps(kill_at, after=True))))

    assert await secrets_left(world) == [*CODES[2:], "97531"]
    world.pass_time(LEASE_SECONDS + 61)
    await world.settle()
    assert await secrets_left(world) == []


@pytest.mark.parametrize("on_uncertain", ["mark_unknown", "resend"])
async def test_a_take_over_finds_the_values_and_erases_them(on_uncertain: str) -> None:
    """A process dies at each of its steps. Whoever finishes sends the real text only, and leaves no value."""
    killed, at = True, 0
    while killed:
        world = World(retries("03"))
        world.limits = replace(world.limits, retry=replace(world.limits.retry, max_attempts=5))
        await expanded(world, on_uncertain=on_uncertain)
        steps = Steps(at, after=at % 2 == 0)
        killed, at = await world.run_until_killed(world.deliver_all(world.context(steps))), at + 1
        world.pass_time(LEASE_SECONDS + 61)
        await world.settle()

        outcomes = {status for status, _ in await world.outcomes()}
        assert outcomes <= {"sent", "unknown"}, steps.done
        assert set(sent_texts(world)) <= {f"Wei: {code}, a.example, 97531" for code in CODES}
        assert await secrets_left(world) == [], steps.done
    assert at > 10


async def test_a_value_is_not_erased_before_its_outcome_is_stored() -> None:
    """At each step, whoever has no log and may be sent has its value."""
    killed, at = True, 0
    while killed:
        world = World(retries("01", "03"))
        await expanded(world)
        steps = Steps(at, after=True)
        killed, at = await world.run_until_killed(world.deliver_all(world.context(steps))), at + 1
        logged = {log.recipient[-4:] for log in await world.logs()}
        missing = [code for to, code in zip(NUMBERS, CODES, strict=True) if to[-4:] not in logged]
        assert set(missing) <= set(await secrets_left(world)), steps.done
    assert at > 10


async def test_a_cancelled_request_keeps_no_value() -> None:
    world = World()
    await expanded(world)
    await world.ledger.requests.cancel(KEY)
    await world.ledger.chunks.mark_cancelled(KEY)
    await world.deliver_all()

    assert {status for status, _ in await world.outcomes()} == {"cancelled"}
    assert await secrets_left(world) == []


async def test_a_request_with_a_part_that_never_came_keeps_no_value() -> None:
    world = World()
    await expanded(world, *PEOPLE, part=0, last=False)
    await world.deliver_all()
    assert await secrets_left(world) == ["97531"]
    await world.ledger.requests.close_intake(KEY)
    await world.settle()
    assert await secrets_left(world) == []


async def test_values_that_are_kept_stay_and_are_masked_all_the_same() -> None:
    world = World()
    await expanded(world, keep_secret_variables=True)
    await world.deliver_all()

    assert await secrets_left(world) == [*CODES, "97531"]
    assert await shown(world) == {"Wei: ***, a.example, ***"}
    assert sent_texts(world) == [f"Wei: {code}, a.example, 97531" for code in CODES]


async def test_a_secret_in_the_subject_is_sent_and_erased() -> None:
    world = World()
    person = {"to": "wei@example.com", "variables": {"code": "864200"}}
    mail = {"channel": "email", "subject": "Code {{code}}", "content": "<p>Hello</p>", "secret_variables": ["code"]}
    await expanded(world, person, **mail, variables={})
    await world.deliver_all()

    assert [message.subject for message in world.providers[1].texts.values()] == ["Code 864200"]
    assert await secrets_left(world) == []


async def test_a_rejected_call_of_the_provider_erases_the_value_too() -> None:
    world = World(RecordingProvider(answers=lambda *_: Failed(Reason.REJECTED)))
    await expanded(world)
    await world.deliver_all()

    assert await world.outcomes() == [("failed", "rejected")] * 4
    assert await secrets_left(world) == []
