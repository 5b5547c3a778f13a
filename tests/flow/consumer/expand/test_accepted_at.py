"""The time that a record states is believed within reason. Otherwise the clock of the ledger counts."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from consumer.expand.expansion_queue import expand_or_reject
from core.ids import request_key
from ledger.dead_letter_format import REPLAY_HEADER, open_record, read_replay_header, replay_headers
from ledger.queries import RequestQuery
from tests.flow.world import START, World

KEY, NUMBER = request_key("t1", "r1"), "13800138000"
MS = round(START.timestamp() * 1000)
MINUTE = timedelta(minutes=1)
ABSURD_RECORD_TIMES = {
    "in seconds": MS // 1000,
    "zero": 0,
    "no timestamp": -1,
    "tomorrow": MS + 86_400_000,
    "the last date": 253_402_300_799_999,
}
NO_DATES = {
    "in microseconds": MS * 1000,
    "in nanoseconds": MS * 1_000_000,
    "the year 10000": 253_402_300_800_000,
    "negative": -MS,
    "the largest number": 2**63 - 1,
    "the smallest number": -(2**63),
}
ABSURD_STATED_TIMES = ["2000-01-20T11:00:00Z", "2026-01-02T03:10:00Z", "2026-01-03T03:04:05Z", "2999-12-31T23:59:59Z"]


async def stored_acceptance(world: World) -> datetime:
    stored = await world.ledger.requests.get(KEY)
    assert stored is not None
    return stored.header.accepted_at


@pytest.mark.parametrize("timestamp_ms", ABSURD_RECORD_TIMES.values(), ids=ABSURD_RECORD_TIMES)
async def test_an_absurd_time_of_a_record_is_replaced_by_the_clock_of_the_ledger(timestamp_ms: int) -> None:
    world = World()
    send_at = (START + timedelta(days=300)).isoformat()
    record = replace(world.record(NUMBER, send_at=send_at), timestamp_ms=timestamp_ms)
    world.pass_time(7)
    await world.expand(record)

    assert await stored_acceptance(world) == world.time
    (accepted,) = world.events("request.accepted")
    assert accepted["occurred_at"] == "2026-01-02T03:04:12.000Z"


@pytest.mark.parametrize("stated", ABSURD_STATED_TIMES)
async def test_an_absurd_time_in_a_body_is_replaced_by_the_time_of_its_record(stated: str) -> None:
    world = World()
    record = replace(world.record(NUMBER, accepted_at=stated), timestamp_ms=MS - 86_400_000)
    await world.expand(record)

    assert await stored_acceptance(world) == START - timedelta(days=1)


@pytest.mark.parametrize("ago", [timedelta(days=900), timedelta(days=2), timedelta(), -4 * MINUTE], ids=str)
async def test_a_time_within_reason_is_believed(ago: timedelta) -> None:
    world = World()
    await world.expand(world.record(NUMBER, accepted_at=(START - ago).isoformat()))

    assert await stored_acceptance(world) == START - ago


async def test_a_stated_time_in_the_future_is_believed_only_before_the_send_at_of_its_request() -> None:
    world, later, much_later = World(), START + timedelta(days=9), START + timedelta(days=10)
    await world.expand(
        world.record(NUMBER, accepted_at=later.isoformat(), send_at=much_later.isoformat(), request_id="scheduled")
    )
    await world.expand(world.record(NUMBER, accepted_at=much_later.isoformat(), send_at=later.isoformat()))

    scheduled = await world.ledger.requests.get(request_key("t1", "scheduled"))
    assert scheduled is not None
    assert scheduled.header.accepted_at == later
    assert await stored_acceptance(world) == START


async def test_the_time_of_acceptance_is_decided_once() -> None:
    world = World()
    record = replace(world.record(NUMBER), timestamp_ms=0)
    await world.expand(record)
    world.pass_time(3600)
    await world.expand(record)
    await world.settle(2)

    assert await stored_acceptance(world) == START
    assert len(world.events("request.accepted")) == 1
    assert {log.created_at for log in await world.logs()} == {START}


async def test_a_list_shows_a_request_with_an_absurd_time_among_those_of_its_day() -> None:
    world = World()
    stated: list[tuple[str, Any]] = [
        ("before", START - MINUTE),
        ("absurd", START + timedelta(days=9)),
        ("after", START + MINUTE),
    ]
    for request_id, time in stated:
        await world.expand(world.record(NUMBER, request_id=request_id, accepted_at=time.isoformat()))

    page = await world.ledger.requests.find_page(RequestQuery("t1"))
    assert [request.header.request_id for request in page.items] == ["after", "absurd", "before"]


@pytest.mark.parametrize("timestamp_ms", NO_DATES.values(), ids=NO_DATES)
async def test_a_record_whose_timestamp_is_not_a_date_is_refused(timestamp_ms: int) -> None:
    world = World()
    record = replace(world.record(NUMBER, headers=[("correlation_id", b"c1")]), timestamp_ms=timestamp_ms)
    assert await expand_or_reject(record, "cluster", world.context())

    (rejected,) = world.events("request.rejected")
    known = {name: rejected[name] for name in ("reason", "request_id", "tenant_id", "correlation_id", "occurred_at")}
    assert known == {
        "reason": "invalid_timestamp",
        "request_id": "r1",
        "tenant_id": "t1",
        "correlation_id": "c1",
        "occurred_at": "2026-01-02T03:04:05.000Z",
    }
    (letter,) = world.bus.dead_letters
    opened = open_record(world.sealer, letter.sealed)
    assert (opened.value, opened.place) == (record.value, f"{record.origin}/{timestamp_ms}")
    header = dict(replay_headers(opened))[REPLAY_HEADER]
    assert header is not None
    assert read_replay_header(header) == (record.topic, 0, record.offset, timestamp_ms)
    assert await world.ledger.requests.get(KEY) is None


@pytest.mark.parametrize(
    "timestamp_ms", [*ABSURD_RECORD_TIMES.values(), *NO_DATES.values()], ids=[*ABSURD_RECORD_TIMES, *NO_DATES]
)
async def test_a_rejection_has_a_time_within_reason(timestamp_ms: int) -> None:
    world = World()
    await expand_or_reject(
        replace(world.record(NUMBER, channel="pigeon"), timestamp_ms=timestamp_ms), "cluster", world.context()
    )

    (rejected,) = world.events("request.rejected")
    assert rejected["occurred_at"] == "2026-01-02T03:04:05.000Z"
