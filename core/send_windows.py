"""Send windows: the hours of a day in which messages may be sent, by the clock on the wall. Pure."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.send_window import parse_send_window

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_LONGEST_SEARCH = timedelta(days=8)
"""Time after which a window that was not open in all zones never will be. Changes of offsets are rarer than that."""


class SendWindow(NamedTuple):
    """Hours of each day. If the end is not after the begin, the window ends on the next day."""

    begin: int
    """Minute of the day from which messages may be sent."""
    end: int
    """Minute of the day from which they may not. 1,440 is the end of the day."""

    @classmethod
    def of(cls, text: str) -> "SendWindow":
        """Return the window of a setting, such as `09:00-20:00`."""
        return cls(*parse_send_window(text))

    def next_open(self, zones: Collection[ZoneInfo], now: datetime) -> datetime | None:
        """Return the first time from now on at which the window is open in all zones, or None if it never is."""
        at = now
        while at - now < _LONGEST_SEARCH:
            later = max(self._next_open_in(zone, at) for zone in zones)
            if later == at:
                return at
            at = later
        return None

    def _next_open_in(self, zone: ZoneInfo, at: datetime) -> datetime:
        local = at.astimezone(zone)
        if self._has(local):
            return at
        if local.utcoffset() == (at + _DAY).astimezone(zone).utcoffset():
            begin = _at_minute(local.date(), self.begin)
            wall = local.replace(tzinfo=None)
            return at + ((begin if begin > wall else begin + _DAY) - wall)
        # The clock is changed within a day. It may skip the begin of the window, or show it twice.
        at = at.replace(second=0, microsecond=0)
        while not self._has(at.astimezone(zone)):
            at += _MINUTE
        return at

    def _has(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def _at_minute(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)
