"""Schedules, expiry and retries by time, on the in-memory implementations."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from core.ids import request_key
from core.retry import SPREAD_SECONDS
from core.send_result import Message, Retry, SendResult, Sent
from ledger.request_control import pause_request, resume_request
from schemas.statuses import Reason
from tests.flow.world import START, TOPICS, RecordingProvider, World

NUMBERS = [f"138000000{n:02d}" for n in range(8)]
EXPIRED, SENT = ("expired", "expired"), ("sent", None)
DAY = 86_400
KEY = request_key("t1", "r1")


def after(seconds: float) -> str:
    """Return a time this many seconds after the start, in another time zone than the ledger's."""
    return (START + timedelta(seconds=seconds)).astimezone(timezone(timedelta(hours=8))).isoformat()


async def delivered(world: World, seconds: float = 0.0) -> list[tuple[str, str | None]]:
    """Let time pass, let a new process deliver the due chunks, and return the outcomes so far."""
    world.pass_time(seconds)
    await world.deliver_all()
    return await world.outcomes()


def asked_to_wait(**seconds: float) -> RecordingProvider:
    """A provider that refuses each number with these last two digits once, and names the delay."""

    def answer(message: Message, before: int) -> SendResult:
        wait = seconds.get(f"n{message.to[-2:]}")
        return Retry(Reason.RATE_LIMITED, delay_seconds=wait) if wait and not before else Sent()

    return RecordingProvider(answers=answer)


def numbers_called(book: RecordingProvider) -> list[str]:
    """Return how often each number was called, by its last two digits."""
    return [f"{message.to[-2:]}: {book.calls[id_]}" for id_, message in sorted(book.texts.items())]


async def test_a_request_that_expired_while_no_process_ran_ends_expired() -> None:
    world = World(book := RecordingProvider())
    await world.expand(world.record(*NUMBERS, send_at=after(3600), expires_at=after(7200)))

    assert await delivered(world, 7200.001) == [EXPIRED] * 8
    assert not book.calls


async def test_a_request_scheduled_while_no_process_ran_is_sent_late() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS, send_at=after(3600), expires_at=after(7200)))

    assert await delivered(world, 3599) == []
    assert await delivered(world, 3500) == [SENT] * 8


async def test_a_part_that_comes_after_the_expiry_is_expired_and_the_one_before_was_sent() -> None:
    world = World()
    said: dict[str, Any] = {"expires_at": after(60)}
    await world.expand(world.record(*NUMBERS[:3], part=0, last=False, **said))
    assert await delivered(world) == [SENT] * 3

    world.pass_time(60)
    await world.expand(world.record(*NUMBERS[3:6], part=1, last=True, **said))

    assert await delivered(world) == [SENT] * 3 + [EXPIRED] * 3
    (completed,) = world.events("request.completed")
    assert completed["by_status"] == {"sent": 3, "expired": 3}


async def test_a_paused_request_expires_at_its_time_without_a_resume() -> None:
    world = World(book := RecordingProvider())
    await world.expand(world.record(*NUMBERS, expires_at=after(60)))
    await pause_request(world.ledger, KEY)

    assert await delivered(world, 59.9) == []
    assert await delivered(world, 0.2) == [EXPIRED] * 8
    assert not book.calls
    assert len(world.events("request.completed")) == 1


async def test_a_request_scheduled_for_a_time_in_a_pause_is_sent_at_the_resume() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:2], send_at=after(60)))
    await pause_request(world.ledger, KEY)

    assert await delivered(world, 3600) == []
    await resume_request(world.ledger, KEY)
    assert await delivered(world) == [SENT] * 2


async def test_a_resume_before_send_at_does_not_send_early() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:2], send_at=after(60)))
    await pause_request(world.ledger, KEY)
    await resume_request(world.ledger, KEY)

    assert await delivered(world, 59) == []
    assert await delivered(world, 2) == [SENT] * 2


async def test_a_retry_beyond_the_expiry_ends_at_the_expiry_not_at_the_retry() -> None:
    world = World(book := asked_to_wait(n00=7200))
    await world.expand(world.record(*NUMBERS[:2], expires_at=after(60)))

    assert await delivered(world) == [SENT]
    assert await delivered(world, 59.9) == [SENT]
    assert await delivered(world, 0.2) == [EXPIRED, SENT]
    assert numbers_called(book) == ["00: 1", "01: 1"]


async def test_each_retry_of_a_chunk_happens_at_its_own_time() -> None:
    world = World(book := asked_to_wait(n00=1000, n01=10, n02=100))
    await world.expand(world.record(*NUMBERS[:4]))

    assert await delivered(world) == [SENT]
    for seconds, called in (
        (9.9, ["00: 1", "01: 1", "02: 1", "03: 1"]),
        (SPREAD_SECONDS, ["00: 1", "01: 2", "02: 1", "03: 1"]),
        (85, ["00: 1", "01: 2", "02: 1", "03: 1"]),
        (SPREAD_SECONDS, ["00: 1", "01: 2", "02: 2", "03: 1"]),
        (900, ["00: 2", "01: 2", "02: 2", "03: 1"]),
    ):
        await delivered(world, seconds)
        assert numbers_called(book) == called
    assert await world.outcomes() == [SENT] * 4


async def test_all_retries_that_are_due_are_sent_together() -> None:
    world = World(book := asked_to_wait(n00=1000, n01=10, n02=100, n03=500))
    await world.expand(world.record(*NUMBERS[:4]))
    assert await delivered(world) == []

    assert await delivered(world, 1000 + SPREAD_SECONDS) == [SENT] * 4
    assert set(book.calls.values()) == {2}


@pytest.mark.parametrize(
    ("said", "field"),
    [({"send_at": after(367 * DAY)}, "send_at"), ({"expires_at": after(733 * DAY)}, "expires_at")],
)
async def test_an_impossible_time_is_rejected_over_kafka_too(said: dict[str, str], field: str) -> None:
    world = World()
    await world.expand(world.record(*NUMBERS, **said))

    (rejected,) = world.events("request.rejected")
    assert (rejected["reason"], rejected["fields"]) == ("invalid_schema", [field])
    assert await world.ledger.requests.get(KEY) is None


async def test_the_limit_of_a_year_counts_from_the_acceptance() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3], accepted_at=after(-DAY), send_at=after(366 * DAY), request_id="late"))
    await world.expand(world.record(*NUMBERS[:3], send_at=after(366 * DAY)))

    assert [event["request_id"] for event in world.events("request.rejected")] == ["late"]
    assert await delivered(world, 366 * DAY) == [SENT] * 3


async def test_an_event_tells_a_time_of_another_zone_in_utc() -> None:
    world = World()
    await world.expand(world.record("13800138000", accepted_at="2026-01-02T11:04:05.678+08:00"))
    (accepted,) = world.events("request.accepted")
    assert accepted["occurred_at"] == "2026-01-02T03:04:05.678Z"
    ((_, event),) = world.bus.events[TOPICS.results]
    assert ("ce_time", b"2026-01-02T03:04:05.678Z") in event.headers()
