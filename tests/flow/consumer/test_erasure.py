"""Erasure of the data of a person: nothing of it is left, no outcome changes, and nothing more is sent."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consumer.tenants.erased_persons import MAX_ORDERS
from core.ids import chunk_id, request_key
from core.send_result import Message, Retry, SendResult, Sent, Uncertain
from ledger.erasing import LEASE_SECONDS
from ledger.erasing import run_pass as run
from ledger.recipient_hashes import recipient_hashes
from ledger.sealing import Sealer
from schemas.statuses import Channel, Reason, Status
from tests.flow.consumer.erased import finish, order, run_pass, traces_of
from tests.flow.consumer.expand.resend_steps import a_world, parts_of, select
from tests.flow.world import RecordingProvider, Steps, World

NUMBERS = [f"138000000{n:02d}" for n in range(10)]
FULL = [f"+86{number}" for number in NUMBERS]
SENT, ERASED, UNKNOWN = ("sent", None), ("cancelled", "erased"), ("unknown", "interrupted")
LATER = "2026-01-03T00:00:00Z"
TRY_LATER = Retry(Reason.UNAVAILABLE, "HTTP 503")


def sent_to(world: World) -> list[str]:
    return [message.to for provider in world.providers for message in provider.texts.values()]


def once(then: Callable[[], Any]) -> Callable[[Message, int], SendResult]:
    """Return a provider's answers. The first call lets something begin that ends before the next window."""
    begun: list[asyncio.Future[Any]] = []

    def answer(_message: Message, _calls: int) -> SendResult:
        if not begun:
            begun.append(asyncio.ensure_future(then()))
        return Sent("m")

    return answer


async def order_and_pass(world: World, address: str) -> None:
    await order(world, address)
    await run_pass(world)


async def test_a_delivery_that_was_sent_loses_its_recipient_and_keeps_its_outcome() -> None:
    world = World()
    await world.expand(world.record(*[{"to": number, "reference": f"c-{number}"} for number in NUMBERS[:6]]))
    await world.settle(2)

    erasure = await order(world, FULL[1])
    await finish(world)

    logs = await world.logs()
    assert [log.recipient.startswith("erased:") for log in logs] == [False, True, False, False, False, False]
    assert logs[1].recipient.endswith(erasure.id[-22:])
    assert (logs[1].reference, logs[1].provider_message_id, logs[1].response) == (None, None, None)
    assert logs[0].reference == f"c-{NUMBERS[0]}"
    assert await world.outcomes() == [SENT] * 6
    assert traces_of(world, FULL[1]) == []
    assert len(traces_of(world, FULL[0])) == 2  # its chunk and its log


@pytest.mark.parametrize("paused", [False, True])
async def test_a_delivery_that_waits_is_cancelled_and_the_others_are_sent(*, paused: bool) -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:6], send_at=LATER))
    if paused:
        await world.ledger.requests.pause(request_key("t1", "r1"))
        await world.ledger.chunks.set_pause_count(request_key("t1", "r1"), 1)

    await order_and_pass(world, FULL[5])

    assert traces_of(world, FULL[5]) == []
    chunk = await world.ledger.chunks.get(chunk_id(request_key("t1", "r1"), 0, 4))
    assert chunk is not None
    assert [(each.index, each.status) for each in chunk.work.decided] == [(5, Status.CANCELLED)]
    if paused:
        await world.ledger.requests.resume(request_key("t1", "r1"))
        await world.ledger.chunks.set_pause_count(request_key("t1", "r1"), 2)
    world.pass_time(86_400)
    await world.settle(2)
    assert await world.outcomes() == [*[SENT] * 5, ERASED]
    assert FULL[5] not in sent_to(world)


async def test_an_owner_sends_nothing_more_to_the_person_and_its_log_is_erased_later() -> None:
    world = World()
    world.providers[0].answers = once(lambda: order_and_pass(world, FULL[3]))
    await world.expand(world.record(*NUMBERS[:4]))
    await world.settle(2)
    assert await world.outcomes() == [SENT, SENT, SENT, ERASED]

    await finish(world)

    assert FULL[3] not in sent_to(world)
    assert traces_of(world, FULL[3]) == []


async def test_an_order_is_left_open_as_long_as_an_owner_has_a_delivery_in_its_hands() -> None:
    world = World()
    left_open: list[int] = []

    async def erase_twice() -> None:
        erasure = await order(world, FULL[3])
        for _ in range(2):
            _, progress = await run(world.ledger, world.sealer, erasure)
            left_open.append(progress.left_open)

    world.providers[0].answers = once(erase_twice)
    await world.expand(world.record(*NUMBERS[:4]))
    await world.settle(2)

    assert left_open == [1, 1]


async def test_a_delivery_of_the_open_window_keeps_its_outcome_and_is_erased_after_it() -> None:
    world = World()
    world.providers[0].answers = once(lambda: order_and_pass(world, FULL[1]))
    await world.expand(world.record(*NUMBERS[:4]))
    await world.settle(2)

    await finish(world)

    assert await world.outcomes() == [SENT] * 4
    assert traces_of(world, FULL[1]) == []


@pytest.mark.parametrize("policy", ["mark_unknown", "resend"])
async def test_the_window_of_a_dead_owner_ends_unknown_and_is_not_sent_again(policy: str) -> None:
    world, steps = World(), Steps()
    await world.expand(world.record(*NUMBERS[:4], on_uncertain=policy))
    owner = world.context(steps)
    world.providers[0].answers = once(lambda: _kill(steps))
    await world.run_until_killed(world.deliver_all(owner))

    await order_and_pass(world, FULL[0])
    await finish(world)

    assert (await world.outcomes())[0][0] == "unknown"
    assert set(world.providers[0].calls.values()) == {1}
    assert traces_of(world, FULL[0]) == []


async def _kill(steps: Steps) -> None:
    steps.dead = True


@pytest.mark.parametrize(
    ("answer", "policy", "outcome"),
    [
        (TRY_LATER, "mark_unknown", ERASED),
        (Uncertain(Reason.NO_ANSWER, "no answer"), "resend", ("unknown", "no_answer")),
    ],
)
async def test_a_delivery_that_waits_for_a_retry_ends_by_what_is_known_of_it(
    answer: SendResult, policy: str, outcome: tuple[str, str]
) -> None:
    world = World(RecordingProvider(answers=lambda message, _: answer if message.to == FULL[2] else Sent("m")))
    await world.expand(world.record(*NUMBERS[:4], on_uncertain=policy))
    await world.deliver_all()

    await order_and_pass(world, FULL[2])
    await finish(world)

    assert await world.outcomes() == [SENT, SENT, outcome, SENT]
    assert world.providers[0].calls.total() == 4
    assert (await world.logs())[2].attempts == 1
    assert traces_of(world, FULL[2]) == []


async def test_a_request_to_the_person_alone_is_cancelled_and_loses_its_text() -> None:
    world = World()
    await world.expand(world.record(NUMBERS[0], content="Your code is 123456", send_at=LATER))

    await order_and_pass(world, FULL[0])
    await finish(world)

    assert await world.outcomes() == [("cancelled", "cancelled")]
    stored = await world.ledger.requests.get(request_key("t1", "r1"))
    assert stored is not None
    assert stored.header.sealed_text == b""
    assert traces_of(world, FULL[0]) == []


async def test_all_requests_of_the_tenant_are_searched_and_those_of_others_stay() -> None:
    world = World()
    for number, request_id in enumerate(("a", "b", "c")):
        await world.expand(world.record(*NUMBERS[number : number + 3], request_id=request_id))
    await world.expand(world.record(*NUMBERS[:3], request_id="theirs", tenant_id="t2"))
    await world.settle(2)

    await order(world, FULL[2])
    await finish(world)

    (theirs,) = [name for name in traces_of(world, FULL[2]) if name.startswith("log_")]
    assert theirs.startswith(f"log_{request_key('t2', 'theirs')}")
    assert [
        [log.recipient.startswith("erased:") for log in await world.logs(request_id)] for request_id in ("a", "b", "c")
    ] == [[False, False, True], [False, True, False], [True, False, False]]


async def test_a_mail_address_is_found_in_any_case() -> None:
    world = World()
    for case in ("Ann@Example.com", "ann@example.com"):
        await world.expand(world.record(case, "bob@example.com", channel="email", subject="Hi", request_id=case[0]))
    await world.settle(2)

    await order(world, "ANN@example.com", Channel.EMAIL)
    await finish(world)

    for request_id in "Aa":
        ann, bob = await world.logs(request_id)
        assert (ann.recipient.startswith("erased:"), bob.recipient) == (True, "b***@example.com")


async def test_a_record_that_is_expanded_after_the_erasure_is_not_sent_and_is_erased_again() -> None:
    world = World()
    late = world.record(*NUMBERS[:3])
    await order(world, FULL[1])
    await finish(world)

    await world.expand(late)
    await world.settle(1)
    assert await world.outcomes() == [SENT, ERASED, SENT]
    await finish(world)

    assert traces_of(world, FULL[1]) == []


async def test_a_request_that_is_accepted_after_the_erasure_is_sent() -> None:
    world = World()
    await order(world, FULL[1])
    await finish(world)

    await world.expand(world.record(*NUMBERS[:3], accepted_at=world.time.isoformat()))
    await world.settle(2)

    assert await world.outcomes() == [SENT] * 3


async def test_an_erased_delivery_is_not_sent_again() -> None:
    world, _ = await a_world()
    before = await select(world)
    parts = await parts_of(world, before)
    await order(world, FULL[3])
    await finish(world)

    after = await select(world)
    for part in parts:  # a selection of before the erasure
        await world.expand(world.raw(part.value, part.key))
    await world.settle(2)

    assert (len(before.places), len(after.places), after.not_resendable) == (2, 1, {Reason.ERASED: 1})
    assert await world.outcomes(before.request_id) == [ERASED, SENT]


async def test_a_user_is_taken_from_its_requests_after_they_were_cancelled() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:6], user_id="u1", request_id="done"))
    await world.settle(2)
    await world.expand(world.record(*NUMBERS[:6], user_id="u1", send_at=LATER))
    await world.expand(world.record(*NUMBERS[:6], user_id="u2", request_id="theirs"))

    erasure = await order(world, "u1", None)
    await finish(world)

    assert await world.outcomes() == [("cancelled", "cancelled")] * 6
    assert await world.outcomes("done") == [SENT] * 6
    for request_id in ("r1", "done"):
        stored = await world.ledger.requests.get(request_key("t1", request_id))
        assert stored is not None
        assert (stored.header.user_id, stored.header.sealed_text) == (f"erased:{erasure.id[-23:]}", b"")
        assert {(log.user_id, log.recipient) for log in await world.logs(request_id)} == {(stored.header.user_id,) * 2}
    assert {log.user_id for log in await world.logs("theirs")} == {"u2"}


async def test_a_late_record_of_an_erased_user_is_cancelled_and_erased() -> None:
    world = World()
    late = world.record(*NUMBERS[:3], user_id="u1")
    await order(world, "u1", None)
    await finish(world)

    await world.expand(late)
    await world.settle(1)
    assert await world.outcomes() == [ERASED] * 3
    await finish(world)

    assert {log.user_id for log in await world.logs()} == {(await world.logs())[0].recipient}


async def test_without_the_sealing_key_the_order_waits_for_it() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:6]))
    await world.settle(2)
    erasure = await order(world, FULL[1])
    old, world.sealer = world.sealer, Sealer([("k2", bytes(31) + b"2")])
    await run_pass(world)
    assert await world.ledger.erasures.take_due(LEASE_SECONDS) is None

    world.sealer = old
    world.pass_time(600)
    await finish(world)

    assert traces_of(world, FULL[1]) == []
    assert erasure.target.hashes >= recipient_hashes(FULL[1], Channel.SMS, old, None)


@pytest.mark.parametrize("value", ["user", "recipient"])
@pytest.mark.parametrize("after", [False, True])
async def test_an_erasure_survives_a_crash_at_any_step(value: str, *, after: bool) -> None:
    """The order has many steps. A process that dies before or after any of them leaves the rest to another one."""
    at = 0
    while True:
        world = World()
        await world.expand(world.record(*NUMBERS[:6], user_id="u1", request_id="done"))
        await world.expand(world.record(NUMBERS[1], user_id="u1", request_id="alone"))
        await world.settle(2)
        await world.expand(world.record(*NUMBERS[:6], user_id="u1", send_at=LATER))
        await (order(world, "u1", None) if value == "user" else order(world, FULL[1]))
        steps = Steps(at, after=after)
        is_killed = await world.run_until_killed(run_pass(world, steps))
        world.pass_time(LEASE_SECONDS)

        await finish(world)

        assert traces_of(world, FULL[1]) == []
        assert await world.outcomes("done") == [SENT] * 6
        (entry,) = await world.ledger.audit.list("t1", 10)
        assert entry.done_at is not None
        if not is_killed:
            return
        at += 1


async def test_an_order_is_found_among_very_many_since_the_acceptance_of_a_request() -> None:
    world = World()
    late = world.record(*NUMBERS[:3])
    erasure = await order(world, FULL[1])
    for number in range(MAX_ORDERS):
        await world.ledger.erasures.start(replace(erasure, id=f"{number:039}"))

    await world.expand(late)
    await world.settle(1)

    assert await world.outcomes() == [SENT, ERASED, SENT]


async def test_a_window_without_an_order_since_its_request_costs_one_small_query() -> None:
    world, steps = World(), Steps()
    await order(world, FULL[1])
    await world.expand(world.record(*NUMBERS, accepted_at=world.time.isoformat()))
    await world.deliver_all(world.context(steps))

    assert steps.done.count("erasures.find_since") == 5  # windows of 2
    assert "erasures.find" not in steps.done
