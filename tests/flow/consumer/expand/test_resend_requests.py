"""What is unknown or failed is sent again as a new request, and nothing is ever sent twice by it."""

from datetime import timedelta

import pytest

from core.ids import LogId, log_id, request_key
from core.request_parts import EncodedPart
from core.send_result import Failed, Message, SendResult, Sent, Uncertain
from ledger.errors import SealingError
from ledger.resend_selection import ResendError, ResendSelection, resend_parts, select_deliveries
from ledger.sealing import Sealer
from schemas.statuses import Channel, Reason, Status
from tests.flow.world import Accounting, Steps, World

GOOD = [f"138000000{n:02d}" for n in range(12)]
OLD = request_key("t1", "r1")


class Bad:
    """A provider that refuses, or leaves without an answer, until it is mended."""

    def __init__(self, answer: SendResult) -> None:
        self.answer: SendResult = answer

    def __call__(self, message: Message, _calls: int) -> SendResult:
        return self.answer if message.to.endswith(("3", "7")) else Sent("m")

    def mend(self) -> None:
        self.answer = Sent("m")


REFUSED = Failed(Reason.REJECTED, "not today")


async def a_world(answer: SendResult = REFUSED, *more: object, **said: object) -> tuple[World, Accounting]:
    """A request of which two were not sent, for certain or perhaps; the provider is mended since."""
    bad = Bad(answer)
    book = Accounting(answers=bad)
    world = World(book, Accounting("post", Channel.EMAIL))
    await world.expand(world.record(*GOOD[:8], *more, **said))
    await world.deliver_all()
    bad.mend()
    world.pass_time(60)
    return world, book


async def chosen_of(world: World, status: Status = Status.FAILED, request_id: str | None = None) -> ResendSelection:
    old = await world.ledger.requests.get(OLD)
    assert old is not None
    return await select_deliveries(world.ledger, old, status, request_id)


async def parts_of(world: World, chosen: ResendSelection) -> list[EncodedPart]:
    parts = resend_parts(world.ledger, world.sealer, chosen, accepted_at=world.time, expires_at=None)
    return [part async for part in parts]


async def publish(world: World, chosen: ResendSelection) -> None:
    for part in await parts_of(world, chosen):
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()


@pytest.mark.parametrize(
    ("answer", "status"), [(REFUSED, Status.FAILED), (Uncertain(Reason.NO_ANSWER), Status.UNKNOWN)]
)
async def test_what_was_not_sent_is_sent_again_and_nothing_else(answer: SendResult, status: Status) -> None:
    world, book = await a_world(answer)
    chosen = await chosen_of(world, status)
    await publish(world, chosen)
    new = await world.logs(chosen.request_id)
    assert [(log.status, log.resend_of) for log in new] == [
        (Status.SENT, log_id(OLD, 0, 3)),
        (Status.SENT, log_id(OLD, 0, 7)),
    ]
    assert sorted(book.taken.values()) == [1] * 8
    request = await world.ledger.requests.get(request_key("t1", chosen.request_id))
    assert request is not None
    assert (request.header.resend_of, request.completion is not None) == ("r1", True)
    assert [log.resent_as for log in await world.logs() if log.resent_as] == [log.id for log in new]
    events = [event["resend_of"] for event in world.events("delivery.") if "resend_of" in event]
    assert events == [log.resend_of for log in new]


async def test_the_same_choice_is_the_same_request_also_before_it_is_taken_up() -> None:
    world, book = await a_world()
    first, second = await chosen_of(world), await chosen_of(world)
    assert first.request_id == second.request_id
    await publish(world, first)
    world.pass_time(60)
    await publish(world, second)
    assert sum(book.taken.values()) == 8
    assert not world.events("request.rejected")


async def test_a_command_that_is_repeated_later_finds_the_same_request_again() -> None:
    world, _ = await a_world()
    first = await chosen_of(world)
    await publish(world, first)
    again = await chosen_of(world)
    assert (again.request_id, again.already_expanded) == (first.request_id, True)


async def test_one_that_was_settled_meanwhile_is_not_sent_again() -> None:
    world, book = await a_world(Uncertain(Reason.NO_ANSWER))
    chosen = await chosen_of(world, Status.UNKNOWN)
    parts = await parts_of(world, chosen)
    await receipt(world, 3, Status.DELIVERED)
    for part in parts:
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()
    assert await world.outcomes(chosen.request_id) == [("suppressed", "settled"), ("sent", None)]
    assert sum(book.taken.values()) == 7


async def test_two_choices_that_overlap_send_each_delivery_once() -> None:
    world, book = await a_world(Uncertain(Reason.NO_ANSWER))
    both = await chosen_of(world, Status.UNKNOWN)
    early = await parts_of(world, both)
    await receipt(world, 3, Status.DELIVERED)
    one = await chosen_of(world, Status.UNKNOWN)
    assert one.request_id != both.request_id
    await publish(world, one)
    for part in early:
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()
    assert await world.outcomes(one.request_id) == [("sent", None)]
    assert await world.outcomes(both.request_id) == [("suppressed", "settled")] * 2
    assert sum(book.taken.values()) == 7


async def test_what_an_attempt_did_not_publish_any_more_goes_on_under_its_id() -> None:
    bad = Bad(REFUSED)
    world = World(book := Accounting(answers=bad))
    for part in range(2):
        people = [{"to": f"139000{part}{n:02d}03", "variables": {"much": "x" * 45_000}} for n in range(12)]
        await world.expand(world.record(*people, content="{{much}}", part=part, last=part == 1))
    await world.deliver_all()
    bad.mend()
    chosen = await chosen_of(world)
    first, *_ = await parts_of(world, chosen)
    assert not first.last
    await world.expand(world.raw(first.value, first.key))
    again = await chosen_of(world)
    assert (again.request_id, again.places, again.already_expanded) == (chosen.request_id, chosen.places, False)
    await publish(world, again)
    assert sum(book.taken.values()) == 24
    assert not world.events("request.rejected")


async def receipt(world: World, index: int, status: Status) -> None:
    """Move a log as a receipt would."""
    logs = world.ledger.logs
    store = logs._store.logs  # type: ignore[attr-defined]
    moved = LogId(log_id(OLD, 0, index))
    store[moved] = store[moved]._replace(status=status)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_wherever_its_expansion_is_killed_each_is_sent_again_once(*, after: bool) -> None:
    killed, at = True, 0
    while killed:
        world, book = await a_world()
        chosen = await chosen_of(world)
        (part,) = await parts_of(world, chosen)
        record = world.raw(part.value, part.key)
        steps = Steps(at, after=after)
        killed, at = await world.run_until_killed(world.expand(record, world.context(steps))), at + 1
        await world.expand(record)
        world.pass_time(61)
        await world.deliver_all()
        assert await world.outcomes(chosen.request_id) == [("sent", None)] * 2, steps.done
        assert sum(book.taken.values()) == 8
    assert "logs.reserve_resends" in " ".join(steps.done)
    assert at > 6


async def test_what_would_fail_again_is_left_out_and_counted() -> None:
    world, _ = await a_world(REFUSED, "12", "345")
    chosen = await chosen_of(world)
    assert len(chosen.places) == 2
    assert chosen.not_resendable == {Reason.INVALID_RECIPIENT: 2}


async def test_the_same_text_is_said_with_the_same_variables_and_reference() -> None:
    person = {"to": "13911110003", "variables": {"name": "Li"}, "reference": "order-9"}
    world, book = await a_world(REFUSED, person, content="{{name}}, {{code}}", variables={"code": "17", "name": "you"})
    await publish(world, await chosen_of(world))
    said = [message.text for message in book.texts.values() if message.to.endswith("10003")]
    assert said == ["Li, 17", "Li, 17"]
    assert [log.reference for log in await world.logs((await chosen_of(world)).request_id)] == [None, None, "order-9"]


async def test_a_template_stays_the_version_that_was_sent() -> None:
    world = World(Accounting(answers=(bad := Bad(REFUSED))))
    await world.ledger.templates.put("t1", "hello", "first", None)
    await world.expand(world.record(*GOOD[:8], content="", template="hello"))
    await world.deliver_all()
    await world.ledger.templates.put("t1", "hello", "second", None)
    bad.mend()
    chosen = await chosen_of(world)
    await publish(world, chosen)
    assert {message.text for message in world.providers[0].texts.values()} == {"first"}
    new = await world.ledger.requests.get(request_key("t1", chosen.request_id))
    assert new is not None
    assert (new.header.template_id, new.header.template_version) == (chosen.old.header.template_id, 1)


async def test_a_request_under_way_is_not_sent_again() -> None:
    world = World()
    await world.expand(world.record(*GOOD[:3]))
    with pytest.raises(ResendError, match="not completed yet"):
        await chosen_of(world)


async def test_what_is_erased_cannot_be_sent_again() -> None:
    world, _ = await a_world()
    chosen = await chosen_of(world)
    await world.ledger.retention.erase(after=timedelta(0), limit=50)
    with pytest.raises(ResendError, match="addresses are erased"):
        await parts_of(world, chosen)
    while await world.ledger.retention.erase(after=timedelta(0), limit=50):
        pass
    with pytest.raises(ResendError, match="texts and addresses are erased"):
        await chosen_of(world)


async def test_a_key_that_is_missing_is_named() -> None:
    world, _ = await a_world()
    chosen = await chosen_of(world)
    other = Sealer([("k2", bytes(range(32)))])
    with pytest.raises(SealingError, match="no sealing key 'k1'"):
        _ = [part async for part in resend_parts(world.ledger, other, chosen, accepted_at=world.time, expires_at=None)]
