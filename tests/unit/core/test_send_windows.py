"""Send windows: the next opening, on ordinary days and on those on which the clock is changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.send_windows import SendWindow

DAY = "09:00-20:00"


def opens(window: str, at: str, *zones: str) -> str | None:
    """Return the next opening in UTC, such as `07-01 09:00`."""
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = SendWindow.of(window).next_open([ZoneInfo(zone) for zone in zones], now)
    return found and f"{found:%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("window", "at", "zone", "opening"),
    [
        (DAY, "2026-07-01 06:59", "Europe/Berlin", "07-01 07:00"),
        (DAY, "2026-07-01 07:00", "Europe/Berlin", "07-01 07:00"),
        (DAY, "2026-07-01 17:59", "Europe/Berlin", "07-01 17:59"),
        (DAY, "2026-07-01 18:00", "Europe/Berlin", "07-02 07:00"),
        (DAY, "2026-07-01 12:00", "Asia/Shanghai", "07-02 01:00"),
        (DAY, "2026-07-01 00:00", "Asia/Kathmandu", "07-01 03:15"),  # UTC+5:45
        ("22:00-06:00", "2026-07-01 21:00", "UTC", "07-01 22:00"),
        ("22:00-06:00", "2026-07-01 05:59", "UTC", "07-01 05:59"),
        ("22:00-06:00", "2026-07-01 06:00", "UTC", "07-01 22:00"),
        ("00:00-24:00", "2026-07-01 23:59", "UTC", "07-01 23:59"),
        ("20:00-24:00", "2026-07-01 00:00", "UTC", "07-01 20:00"),
    ],
)
def test_the_window_opens_by_the_clock_of_the_zone(window: str, at: str, zone: str, opening: str) -> None:
    assert opens(window, at, zone) == opening


@pytest.mark.parametrize(
    ("window", "at", "zone", "opening"),
    [
        # The clock goes from 02:00 to 03:00 on 29 March, at 01:00 UTC, and from 03:00 to 02:00 on 25 October.
        (DAY, "2026-03-28 22:00", "Europe/Berlin", "03-29 07:00"),
        (DAY, "2026-03-29 19:00", "Europe/Berlin", "03-30 07:00"),
        (DAY, "2026-10-24 20:00", "Europe/Berlin", "10-25 08:00"),
        ("02:30-20:00", "2026-03-29 00:30", "Europe/Berlin", "03-29 01:00"),  # 02:30 does not exist
        ("02:10-02:40", "2026-03-28 12:00", "Europe/Berlin", "03-30 00:10"),  # nor does this window
        ("02:30-20:00", "2026-10-24 23:00", "Europe/Berlin", "10-25 00:30"),  # 02:30 exists twice
        ("02:30-20:00", "2026-10-25 01:10", "Europe/Berlin", "10-25 01:30"),
        ("22:00-02:30", "2026-10-25 00:45", "Europe/Berlin", "10-25 01:00"),  # it is 02:00 again
        # New York: 8 March at 07:00 UTC, and 1 November at 06:00 UTC.
        (DAY, "2026-03-08 03:00", "America/New_York", "03-08 13:00"),
        (DAY, "2026-11-01 03:00", "America/New_York", "11-01 14:00"),
        # Lord Howe changes by half an hour: 5 April at 15:00 UTC on the day before.
        (DAY, "2026-04-04 12:00", "Australia/Lord_Howe", "04-04 22:30"),
        (DAY, "2026-04-05 12:00", "Australia/Lord_Howe", "04-05 22:30"),
        # Samoa had no 30 December 2011.
        (DAY, "2011-12-30 08:00", "Pacific/Apia", "12-30 19:00"),
        # Cairo changes at midnight on 24 April.
        ("00:10-08:00", "2026-04-23 21:30", "Africa/Cairo", "04-23 22:00"),
    ],
)
def test_a_change_of_the_clock_is_right(window: str, at: str, zone: str, opening: str) -> None:
    assert opens(window, at, zone) == opening


def test_it_is_open_only_when_it_is_open_in_all_zones() -> None:
    zones = ("America/New_York", "America/Los_Angeles")
    assert opens(DAY, "2026-07-01 13:30", *zones) == "07-01 16:00"
    assert opens(DAY, "2026-07-01 23:59", *zones) == "07-01 23:59"
    assert opens(DAY, "2026-07-02 00:00", *zones) == "07-02 16:00"


def test_a_window_that_is_never_open_in_all_zones_has_no_opening() -> None:
    assert opens("09:00-18:00", "2026-07-01 00:00", "Europe/Kaliningrad", "Asia/Kamchatka") is None
    assert opens("09:00-20:00", "2026-07-01 12:00", "Europe/Kaliningrad", "Asia/Kamchatka") == "07-02 07:00"


ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Shanghai",
    "Africa/Casablanca",
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(0, 365 * 24 * 60),
    st.integers(0, 1439),
    st.integers(0, 1440),
)
def test_the_opening_is_the_first_minute_in_the_window(zone: str, minutes: int, begin: int, end: int) -> None:
    window, now = SendWindow(begin, end), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    if begin == end:
        return

    def is_open(at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        return begin <= minute < end if begin < end else not end <= minute < begin

    expected = now
    while not is_open(expected):
        expected += timedelta(minutes=1)
    assert window.next_open([ZoneInfo(zone)], now) == expected


@pytest.mark.parametrize(
    "text", ["", "9-20", "09:00-09:00", "24:00-09:00", "09:00-25:00", "09:60-20:00", "09:00 20:00"]
)
def test_a_text_that_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be two different times of the day"):
        SendWindow.of(text)
