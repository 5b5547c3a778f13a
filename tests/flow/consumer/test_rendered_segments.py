"""Encoding and segments of the SMS that were rendered for a provider, in logs and events."""

from typing import Any

from core.send_result import Failed, Message, SendResult, Sent
from schemas.statuses import Reason
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, World

NUMBERS = [f"138000000{n:02d}" for n in range(4)]


def recipient(number: str, name: str) -> dict[str, Any]:
    return {"to": number, "variables": {"name": name}}


async def segments(world: World) -> list[tuple[str | None, int | None]]:
    return [(log.encoding, log.segments) for log in await world.logs()]


async def test_the_segments_of_each_text_are_in_its_log_and_its_event() -> None:
    world = World()
    texts = ["Wei", "x" * 160, "伟", "x" * 2_000]
    await world.expand(world.record(*map(recipient, NUMBERS, texts), content="{{name}}!"))
    await world.deliver_all()
    assert await segments(world) == [("gsm7", 1), ("gsm7", 2), ("ucs2", 1), (None, None)]
    events = {event["index"]: event for event in world.events("delivery.")}
    assert [(events[at].get("encoding"), events[at].get("segments")) for at in range(4)] == await segments(world)
    assert "segments" not in events[3]


async def test_a_text_without_variables_has_the_same_segments_for_all() -> None:
    def answer(message: Message, _: int) -> SendResult:
        return Failed(Reason.REJECTED) if message.to.endswith("01") else Sent()

    world = World(RecordingProvider(answers=answer))
    await world.expand(world.record(*NUMBERS, "12", content="你" * 71))
    await world.deliver_all()
    assert await segments(world) == [*[("ucs2", 2)] * 4, (None, None)]


async def test_a_delivery_that_a_previous_owner_may_have_sent_has_its_segments() -> None:
    def die(*_: object) -> SendResult:
        raise Killed

    world = World(RecordingProvider(answers=die))
    await world.expand(world.record(*map(recipient, NUMBERS[:2], ["Wei", "伟"]), content="{{name}}"))
    assert await world.run_until_killed(world.deliver_all())
    world.pass_time(LEASE_SECONDS + 1)
    await world.deliver_all()
    assert await world.outcomes() == [("unknown", "interrupted")] * 2
    assert await segments(world) == [("gsm7", 1), ("ucs2", 1)]


async def test_an_email_has_no_segments() -> None:
    world = World()
    await world.expand(world.record("a@example.com", channel="email", subject="Hi", content="Hello"))
    await world.deliver_all()
    assert await segments(world) == [(None, None)]
    assert "encoding" not in world.events("delivery.")[0]
