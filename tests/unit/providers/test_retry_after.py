"""Retry-After, as seconds and as a date."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.retry_after import MAX_SECONDS, parse_retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999999", MAX_SECONDS),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:05:05 -0000", 60.0),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60.0),
        ("Fri Jan  2 03:05:05 2026", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_SECONDS),
        ("-1", None),
        ("1.5", None),
        ("\uff11", None),
        ("soon", None),
        ("", None),
        ("9" * 5_000, None),
        ("Mon, 01 Jan 2026 00:00:00 +9999999999999999", None),
        ("Mon, 01 Jan 2026 00:00:00 -2400", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MAX_SECONDS),
        ("Fri, 02 Jan 2026 99:99:99 GMT", None),
        ("Fri, 02 Jan " + "9" * 5_000 + " 03:05:05 GMT", None),
    ],
)
def test_a_wait_is_read_from_seconds_and_from_all_three_forms_of_a_date(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.integers(0, 86_400))
def test_a_date_says_the_same_as_the_seconds_until_it(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert parse_retry_after(date, NOW) == parse_retry_after(str(seconds), NOW) == seconds


@given(st.text())
def test_any_header_value_gives_a_bounded_wait_or_none(value: str) -> None:
    seconds = parse_retry_after(value, NOW)

    assert seconds is None or 0 <= seconds <= MAX_SECONDS
