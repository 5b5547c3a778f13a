"""Timestamps are written in UTC, with milliseconds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.rfc3339 import rfc3339

NOON = datetime(2026, 4, 15, 12, 0, 0, 1234, tzinfo=UTC)


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(hours=8), timedelta(hours=-3, minutes=-30)])
def test_a_time_of_any_offset_is_written_in_utc(offset: timedelta) -> None:
    assert rfc3339(NOON.astimezone(timezone(offset))) == "2026-04-15T12:00:00.001Z"


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(0, "2026-04-15T12:00:00.000Z"), (1_000, "2026-04-15T12:00:00.001Z"), (999_999, "2026-04-15T12:00:00.999Z")],
)
def test_every_text_has_the_same_length(microsecond: int, text: str) -> None:
    assert rfc3339(NOON.replace(microsecond=microsecond)) == text
