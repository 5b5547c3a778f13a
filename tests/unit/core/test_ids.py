"""Ids depend on tenant, request id and position only, and sort in request order (I5)."""

import re
import string
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import (
    MAX_INDEX,
    LogId,
    chunk_id,
    log_id,
    log_ids,
    log_range,
    outcome_event_id,
    position,
    receipt_event_id,
    request_event_id,
    request_id_from_record,
    request_key,
    uuid7,
)

NAMES = st.text(st.characters(codec="utf-8"), max_size=20)
KEYS = st.builds(request_key, NAMES, NAMES)
PARTS, INDICES = st.integers(0, 0xFFFF), st.integers(0, MAX_INDEX)
POSITIONS = st.tuples(PARTS, INDICES)
NOON = datetime(2026, 4, 15, 12, 0, 0, 1234, tzinfo=UTC)


@settings(deadline=None)
@given(NAMES, NAMES)
def test_a_key_is_26_letters_and_the_same_every_time(tenant: str, request: str) -> None:
    key = request_key(tenant, request)

    assert key == request_key(tenant, request)
    assert len(key) == 26
    assert set(key) <= set(string.ascii_lowercase + string.digits) - set("ilou")


def test_a_key_stays_what_it_is_across_versions() -> None:
    assert request_key("tnt_xyz789", "req-1") == "y4zpkm2jtjwzxe3pq33cj6rv8w"


@settings(deadline=None)
@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_different_requests_have_different_keys(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (request_key(*one) == request_key(*other)) is (one == other)


@settings(deadline=None)
@given(NAMES, NAMES.filter(bool), NAMES)
def test_text_that_moves_from_tenant_to_request_id_changes_the_key(tenant: str, moved: str, request: str) -> None:
    assert request_key(tenant + moved, request) != request_key(tenant, moved + request)


@settings(deadline=None)
@given(KEYS, POSITIONS)
def test_a_log_id_tells_its_position(key: str, at: tuple[int, int]) -> None:
    assert position(log_id(request_key("t", key), *at)) == (request_key("t", key), *at)


@settings(deadline=None)
@given(st.text(max_size=50))
def test_text_that_is_not_a_log_id_has_no_position(text: str) -> None:
    found = position(text)

    assert found is None or log_id(*found) == text


@settings(deadline=None)
@given(KEYS, POSITIONS)
def test_a_log_id_has_no_text_before_or_after_it(key: str, at: tuple[int, int]) -> None:
    log = log_id(request_key("t", key), *at)

    assert position(f"{log}0") is None
    assert position(f" {log}") is None
    assert position(f"{log}\n") is None
    assert position(log.upper()) is None


@settings(deadline=None)
@given(KEYS, st.lists(POSITIONS, unique=True, max_size=20))
def test_log_ids_sort_in_request_order(key: str, positions: list[tuple[int, int]]) -> None:
    name = request_key("t", key)

    assert sorted(log_id(name, *at) for at in positions) == [log_id(name, *at) for at in sorted(positions)]


@settings(deadline=None)
@given(KEYS, KEYS, POSITIONS)
def test_the_logs_of_a_request_are_one_range(key: str, other: str, at: tuple[int, int]) -> None:
    mine, theirs = request_key("t", key), request_key("t", other)
    first, end = log_range(mine)

    assert first <= log_id(mine, *at) < end
    assert (first <= log_id(theirs, *at) < end) is (mine == theirs)


@settings(deadline=None)
@given(KEYS, PARTS, st.lists(INDICES, max_size=20))
def test_many_log_ids_of_a_part_are_the_single_ones_in_order(key: str, part: int, indices: list[int]) -> None:
    name = request_key("t", key)

    assert log_ids(name, part, indices) == [log_id(name, part, index) for index in indices]


@settings(deadline=None)
@given(KEYS, st.lists(POSITIONS, unique=True, min_size=2, max_size=20))
def test_all_ids_of_a_request_are_different(key: str, positions: list[tuple[int, int]]) -> None:
    name = request_key("t", key)
    logs = [log_id(name, *at) for at in positions]
    parts = {part for part, _ in positions}
    ids = [
        *logs,
        *(chunk_id(name, *at) for at in positions),
        *(outcome_event_id(log) for log in logs),
        *(receipt_event_id(log) for log in logs),
        *(request_event_id(name, kind, part) for part in parts for kind in ("accepted", "completed")),
    ]

    assert len(ids) == len(set(ids))


def test_a_record_without_a_request_id_is_named_by_its_position() -> None:
    first = request_id_from_record("cluster", "topic", 0, 7, 1_700_000_000_000)
    elsewhere = {
        request_id_from_record("other", "topic", 0, 7, 1_700_000_000_000),
        request_id_from_record("cluster", "other", 0, 7, 1_700_000_000_000),
        request_id_from_record("cluster", "topic", 1, 7, 1_700_000_000_000),
        request_id_from_record("cluster", "topic", 0, 8, 1_700_000_000_000),
        request_id_from_record("cluster", "topic", 0, 7, 1_700_000_000_001),
    }

    assert first == request_id_from_record("cluster", "topic", 0, 7, 1_700_000_000_000)
    assert len(elsewhere - {first}) == 5
    assert first[14] == "5", "a UUID of version 5"


def test_a_log_id_is_plain_text_for_urls() -> None:
    log: LogId = log_id(request_key("t", "r"), 1, 2)

    assert log.startswith("log_")
    assert log.isascii()
    assert log.endswith("000100002")


@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)), st.binary(min_size=10))  # noqa: DTZ001  # hypothesis adds the zone
def test_a_uuid7_tells_its_millisecond_and_has_version_and_variant(now: datetime, chance: bytes) -> None:
    made = uuid7(now, chance)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made)
    assert int(made.replace("-", "")[:12], 16) == int(now.timestamp() * 1000)


def test_a_uuid7_uses_74_random_bits() -> None:
    assert uuid7(NOON, b"\xff" * 10)[14:] == "7fff-bfff-ffffffffffff"
    assert uuid7(NOON, b"\x00" * 10)[14:] == "7000-8000-000000000000"
