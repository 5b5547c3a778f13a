"""A replayed dead letter is the same request, however often it is replayed."""

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


def an_entry(dead: DeadLetter) -> DeadLetterEntry:
    return DeadLetterEntry(0, 7, START, dead.origin, dead.reason, dead.key, dead.sealed, len(dead.sealed))


def replayed(world: World, dead: DeadLetter, *, later_by_ms: int = 60_000) -> KafkaRecord:
    """Return the record that a replay of this dead letter publishes, with a new offset and time."""
    opened = open_dead_letter(world.sealer, dead.sealed)
    check_replayable(an_entry(dead), opened, TOPICS, force=False)
    raw = world.raw(opened.value, dead.key or b"", replay_headers(opened))
    return replace(raw, timestamp_ms=raw.timestamp_ms + later_by_ms)


async def rejected(**changes: object) -> tuple[World, KafkaRecord]:
    """Reject a record because of its template, and then store the template."""
    world = World()
    record = world.record("13800000001", content="", template="hello", headers=[("correlation_id", b"c-1")], **changes)
    await world.expand(record)
    (dead,) = world.bus.dead_letters
    assert dead.reason == MISSING
    await world.ledger.templates.put("t1", "hello", "Hello", None)
    return world, record


@pytest.mark.parametrize("request_id", ["r1", ...])
async def test_a_replay_is_the_same_request_however_often(request_id: object) -> None:
    world, record = await rejected(request_id=request_id)
    (dead,) = world.bus.dead_letters
    for later in (60_000, 120_000):
        await world.expand(replayed(world, dead, later_by_ms=later))
        await world.deliver_all()
    assert sum(world.providers[0].taken.values()) == 1
    (completed,) = world.events("request.completed")
    bare = request_id_from_record("cluster", record.topic, record.partition, record.offset, record.timestamp_ms)
    assert completed["request_id"] == ("r1" if request_id == "r1" else bare)
    assert completed["correlation_id"] == "c-1"


async def test_a_record_that_is_rejected_again_keeps_its_first_origin() -> None:
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


@pytest.mark.parametrize("header", [b"nonsense", b"a/b/c/d", b"t/1/2", "t/1/2/3\u00e9".encode()])
async def test_an_invalid_replay_header_is_ignored(header: bytes) -> None:
    world = World()
    record = world.record("13800000001", request_id=..., headers=[("rollcall_replay_of", header)])
    await world.expand(record)
    await world.deliver_all()
    (completed,) = world.events("request.completed")
    own = request_id_from_record("cluster", record.topic, record.partition, record.offset, record.timestamp_ms)
    assert completed["request_id"] == own


async def test_a_record_that_would_be_rejected_again_is_published_only_with_force() -> None:
    world = World()
    await world.expand(world.raw(b'{"tenant_id": "t1"}'))
    (dead,) = world.bus.dead_letters
    opened = open_dead_letter(world.sealer, dead.sealed)
    with pytest.raises(CommandError, match="dead letter 0/7: a record with invalid_schema would be rejected again"):
        check_replayable(an_entry(dead), opened, TOPICS, force=False)
    check_replayable(an_entry(dead), opened, TOPICS, force=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"length": 2_000_000}, "too large to be stored completely"),
        ({"headers_kept": False}, "too large to be stored completely"),
        ({"value": None, "length": 0}, "has no value"),
        ({"place": f"{TOPICS.results}/0/1/2"}, "not come from an intake topic"),
        ({"place": None}, "no request_id, and an older consumer did not store its timestamp"),
    ],
)
async def test_a_record_that_is_not_stored_completely_is_not_published(
    changes: dict[str, object], expected: str
) -> None:
    world, _ = await rejected(request_id=...)
    (dead,) = world.bus.dead_letters
    opened = replace(open_dead_letter(world.sealer, dead.sealed), **changes)  # type: ignore[arg-type]
    with pytest.raises(CommandError, match=expected):
        check_replayable(an_entry(dead), opened, TOPICS, force=True)


def test_either_places_or_a_reason_must_be_given() -> None:
    for wanted in (ReplayOptions(), ReplayOptions(["0/1"], RejectionReason.UNPROCESSABLE), ReplayOptions(["nowhere"])):
        with pytest.raises(UsageError, match="PLACE"):
            wanted.check()
    with pytest.raises(UsageError, match="--reason: records with not_json would be rejected again"):
        ReplayOptions(reason=RejectionReason.NOT_JSON).check()
    ReplayOptions(reason=RejectionReason.NOT_JSON, force=True).check()
