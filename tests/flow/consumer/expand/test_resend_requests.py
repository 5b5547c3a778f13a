"""Resend of unknown and failed deliveries as a new request. No delivery is sent twice."""

from datetime import timedelta

import pytest

from core.ids import LogId, log_id, request_key
from core.send_result import SendResult, Uncertain
from ledger.errors import SealingError
from ledger.resend_selection import ResendError, resend_parts
from ledger.sealing import Sealer
from schemas.statuses import Reason, Status
from tests.flow.consumer.expand.resend_steps import GOOD, OLD, REFUSED, Bad, a_world, parts_of, publish, select
from tests.flow.world import RecordingProvider, Steps, World


@pytest.mark.parametrize(
    ("answer", "status"), [(REFUSED, Status.FAILED), (Uncertain(Reason.NO_ANSWER), Status.UNKNOWN)]
)
async def test_a_resend_sends_only_the_deliveries_that_were_not_sent(answer: SendResult, status: Status) -> None:
    world, book = await a_world(answer)
    selection = await select(world, status)
    await publish(world, selection)
    new = await world.logs(selection.request_id)
    assert [(log.status, log.resend_of) for log in new] == [
        (Status.SENT, log_id(OLD, 0, 3)),
        (Status.SENT, log_id(OLD, 0, 7)),
    ]
    assert sorted(book.taken.values()) == [1] * 8
    request = await world.ledger.requests.get(request_key("t1", selection.request_id))
    assert request is not None
    assert (request.header.resend_of, request.completion is not None) == ("r1", True)
    assert [log.resent_as for log in await world.logs() if log.resent_as] == [log.id for log in new]
    events = [event["resend_of"] for event in world.events("delivery.") if "resend_of" in event]
    assert events == [log.resend_of for log in new]


async def test_the_same_selection_has_the_same_request_id_before_its_expansion() -> None:
    world, book = await a_world()
    first, second = await select(world), await select(world)
    assert first.request_id == second.request_id
    await publish(world, first)
    world.pass_time(60)
    await publish(world, second)
    assert sum(book.taken.values()) == 8
    assert not world.events("request.rejected")


async def test_a_repeated_selection_finds_the_expanded_request() -> None:
    world, _ = await a_world()
    first = await select(world)
    await publish(world, first)
    again = await select(world)
    assert (again.request_id, again.already_expanded) == (first.request_id, True)


async def test_a_delivery_that_was_settled_meanwhile_is_not_sent_again() -> None:
    world, book = await a_world(Uncertain(Reason.NO_ANSWER))
    selection = await select(world, Status.UNKNOWN)
    parts = await parts_of(world, selection)
    await receipt(world, 3, Status.DELIVERED)
    for part in parts:
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()
    assert await world.outcomes(selection.request_id) == [("suppressed", "settled"), ("sent", None)]
    assert sum(book.taken.values()) == 7


async def test_two_overlapping_selections_send_each_delivery_once() -> None:
    world, book = await a_world(Uncertain(Reason.NO_ANSWER))
    both = await select(world, Status.UNKNOWN)
    early = await parts_of(world, both)
    await receipt(world, 3, Status.DELIVERED)
    second = await select(world, Status.UNKNOWN)
    assert second.request_id != both.request_id
    await publish(world, second)
    for part in early:
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()
    assert await world.outcomes(second.request_id) == [("sent", None)]
    assert await world.outcomes(both.request_id) == [("suppressed", "settled")] * 2
    assert sum(book.taken.values()) == 7


async def test_an_interrupted_resend_continues_under_the_same_request_id() -> None:
    bad = Bad(REFUSED)
    world = World(book := RecordingProvider(answers=bad))
    for part in range(2):
        people = [{"to": f"139000{part}{n:02d}03", "variables": {"much": "x" * 45_000}} for n in range(12)]
        await world.expand(world.record(*people, part=part, last=part == 1))
    await world.deliver_all()
    bad.repair()
    selection = await select(world)
    first, *_ = await parts_of(world, selection)
    assert not first.last
    await world.expand(world.raw(first.value, first.key))
    again = await select(world)
    assert (again.request_id, again.places, again.already_expanded) == (selection.request_id, selection.places, False)
    await publish(world, again)
    assert sum(book.taken.values()) == 24
    assert not world.events("request.rejected")


async def receipt(world: World, index: int, status: Status) -> None:
    """Change the status of a log as a receipt would."""
    logs = world.ledger.logs
    store = logs._store.logs  # type: ignore[attr-defined]
    moved = LogId(log_id(OLD, 0, index))
    store[moved] = store[moved]._replace(status=status)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_resend_sends_each_delivery_once_wherever_its_expansion_is_killed(*, after: bool) -> None:
    killed, at = True, 0
    while killed:
        world, book = await a_world()
        selection = await select(world)
        (part,) = await parts_of(world, selection)
        record = world.raw(part.value, part.key)
        steps = Steps(at, after=after)
        killed, at = await world.run_until_killed(world.expand(record, world.context(steps))), at + 1
        await world.expand(record)
        world.pass_time(61)
        await world.deliver_all()
        assert await world.outcomes(selection.request_id) == [("sent", None)] * 2, steps.done
        assert sum(book.taken.values()) == 8
    assert "logs.reserve_resends" in " ".join(steps.done)
    assert at > 6


async def test_a_selection_leaves_out_and_counts_deliveries_that_would_fail_again() -> None:
    world, _ = await a_world(REFUSED, "12", "345")
    selection = await select(world)
    assert len(selection.places) == 2
    assert selection.not_resendable == {Reason.INVALID_RECIPIENT: 2}


async def test_a_resend_keeps_text_variables_and_reference() -> None:
    person = {"to": "13911110003", "variables": {"name": "Li"}, "reference": "order-9"}
    world, book = await a_world(REFUSED, person, content="{{name}}, {{code}}", variables={"code": "17", "name": "you"})
    await publish(world, await select(world))
    texts = [message.text for message in book.texts.values() if message.to.endswith("10003")]
    assert texts == ["Li, 17", "Li, 17"]
    assert [log.reference for log in await world.logs((await select(world)).request_id)] == [None, None, "order-9"]


async def test_a_resend_keeps_the_template_version() -> None:
    world = World(RecordingProvider(answers=(bad := Bad(REFUSED))))
    await world.ledger.templates.put("t1", "hello", "first", None)
    await world.expand(world.record(*GOOD[:8], content="", template="hello"))
    await world.deliver_all()
    await world.ledger.templates.put("t1", "hello", "second", None)
    bad.repair()
    selection = await select(world)
    await publish(world, selection)
    assert {message.text for message in world.providers[0].texts.values()} == {"first"}
    new = await world.ledger.requests.get(request_key("t1", selection.request_id))
    assert new is not None
    assert (new.header.template_id, new.header.template_version) == (selection.old.header.template_id, 1)


async def test_a_running_request_cannot_be_resent() -> None:
    world = World()
    await world.expand(world.record(*GOOD[:3]))
    with pytest.raises(ResendError, match="not completed yet"):
        await select(world)


async def test_an_erased_request_cannot_be_resent() -> None:
    world, _ = await a_world()
    selection = await select(world)
    await world.ledger.retention.erase(after=timedelta(0), limit=50)
    with pytest.raises(ResendError, match="addresses are erased"):
        await parts_of(world, selection)
    while await world.ledger.retention.erase(after=timedelta(0), limit=50):
        pass
    with pytest.raises(ResendError, match="texts and addresses are erased"):
        await select(world)


async def test_the_error_names_the_missing_sealing_key() -> None:
    world, _ = await a_world()
    selection = await select(world)
    other = Sealer([("k2", bytes(range(32)))])
    with pytest.raises(SealingError, match="no sealing key 'k1'"):
        _ = [
            part async for part in resend_parts(world.ledger, other, selection, accepted_at=world.time, expires_at=None)
        ]
