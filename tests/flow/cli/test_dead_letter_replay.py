"""A record from the dead letters that is published again is the same request, however often."""

from dataclasses import replace

import pytest

from cli.dead_letters.reader import DeadLetterEntry
from cli.dead_letters.replay import ReplayOptions, check_replayable
from cli.dead_letters.show import open_dead_letter
from cli.errors import CommandError, UsageError
from consumer.kafka.bus import DeadLetter
from consumer.kafka.record import KafkaRecord
from core.ids import request_id_from_record
from ledger.dead_letter_format import replay_headers
from schemas.statuses import RejectionReason
from tests.flow.world import START, TOPICS, World

MISSING = "unknown_template"


def a_letter(dead: DeadLetter) -> DeadLetterEntry:
    return DeadLetterEntry(0, 7, START, dead.origin, dead.reason, dead.key, dead.sealed, len(dead.sealed))


def replayed(world: World, dead: DeadLetter, *, later_by_ms: int = 60_000) -> KafkaRecord:
    """The record as a replay of this letter puts it into the intake, at a new place and time."""
    opened = open_dead_letter(world.sealer, dead.sealed)
    check_replayable(a_letter(dead), opened, TOPICS, force=False)
    raw = world.raw(opened.value, dead.key or b"", replay_headers(opened))
    return replace(raw, timestamp_ms=raw.timestamp_ms + later_by_ms)


async def refused(**said: object) -> tuple[World, KafkaRecord]:
    """A record that names a template which is stored only later."""
    world = World()
    record = world.record("13800000001", content="", template="hello", headers=[("correlation_id", b"c-1")], **said)
    await world.expand(record)
    (dead,) = world.bus.dead_letters
    assert dead.reason == MISSING
    await world.ledger.templates.put("t1", "hello", "Hello", None)
    return world, record


@pytest.mark.parametrize("request_id", ["r1", ...])
async def test_a_replay_is_the_same_request_however_often(request_id: object) -> None:
    world, record = await refused(request_id=request_id)
    (dead,) = world.bus.dead_letters
    for later in (60_000, 120_000):
        await world.expand(replayed(world, dead, later_by_ms=later))
        await world.deliver_all()
    assert sum(world.providers[0].taken.values()) == 1
    (completed,) = world.events("request.completed")
    bare = request_id_from_record("cluster", record.topic, record.partition, record.offset, record.timestamp_ms)
    assert completed["request_id"] == ("r1" if request_id == "r1" else bare)
    assert completed["correlation_id"] == "c-1"


async def test_one_that_is_refused_again_keeps_the_place_of_its_first_record() -> None:
    world = World()
    await world.expand(world.record("13800000001", content="", template="hello", request_id=...))
    for _ in range(2):
        await world.expand(replayed(world, world.bus.dead_letters[-1]))
    first, *again = world.bus.dead_letters
    await world.ledger.templates.put("t1", "hello", "Hello", None)
    for dead in (first, *again):
        await world.expand(replayed(world, dead))
        await world.deliver_all()
    assert len(again) == 2
    assert sum(world.providers[0].taken.values()) == 1


@pytest.mark.parametrize("said", [b"nonsense", b"a/b/c/d", b"t/1/2", "t/1/2/3\u00e9".encode()])
async def test_a_header_that_names_no_place_is_not_obeyed(said: bytes) -> None:
    world = World()
    record = world.record("13800000001", request_id=..., headers=[("rollcall_replay_of", said)])
    await world.expand(record)
    await world.deliver_all()
    (completed,) = world.events("request.completed")
    own = request_id_from_record("cluster", record.topic, record.partition, record.offset, record.timestamp_ms)
    assert completed["request_id"] == own


async def test_what_would_be_refused_again_is_published_only_by_force() -> None:
    world = World()
    await world.expand(world.raw(b'{"tenant_id": "t1"}'))
    (dead,) = world.bus.dead_letters
    opened = open_dead_letter(world.sealer, dead.sealed)
    with pytest.raises(CommandError, match="dead letter 0/7: a record with invalid_schema would be rejected again"):
        check_replayable(a_letter(dead), opened, TOPICS, force=False)
    check_replayable(a_letter(dead), opened, TOPICS, force=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"length": 2_000_000}, "too large to be stored completely"),
        ({"headers_kept": False}, "too large to be stored completely"),
        ({"value": None, "length": 0}, "has no value"),
        ({"place": f"{TOPICS.results}/0/1/2"}, "not come from an intake topic"),
        ({"place": None}, "no request_id, and an older consumer did not store its timestamp"),
    ],
)
async def test_what_is_not_there_as_it_was_is_not_published(changes: dict[str, object], said: str) -> None:
    world, _ = await refused(request_id=...)
    (dead,) = world.bus.dead_letters
    opened = replace(open_dead_letter(world.sealer, dead.sealed), **changes)  # type: ignore[arg-type]
    with pytest.raises(CommandError, match=said):
        check_replayable(a_letter(dead), opened, TOPICS, force=True)


def test_letters_are_named_or_all_of_a_reason_are_taken() -> None:
    for wanted in (ReplayOptions(), ReplayOptions(["0/1"], RejectionReason.UNPROCESSABLE), ReplayOptions(["nowhere"])):
        with pytest.raises(UsageError, match="PLACE"):
            wanted.check()
    with pytest.raises(UsageError, match="--reason: records with not_json would be rejected again"):
        ReplayOptions(reason=RejectionReason.NOT_JSON).check()
    ReplayOptions(reason=RejectionReason.NOT_JSON, force=True).check()
