"""Times at which recipients may get messages, by the send window of their tenant. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.number_zones import zones_of_number
from core.send_windows import SendWindow
from schemas.statuses import Channel

CLOCK_MARGIN = timedelta(milliseconds=250)
"""Time after an opening at which a delivery is due. Otherwise a clock that is behind would still find it closed."""
_UTC = "UTC"


class QuietHours:
    """Openings of a send window from one time on."""

    def __init__(self, window: str, channel: Channel, default_zone: str | None, now: datetime) -> None:
        self._window, self._now = SendWindow.of(window), now
        self._is_sms, self._default = channel is Channel.SMS, (default_zone or _UTC,)
        self._openings: dict[tuple[str, ...], datetime | None] = {}
        """Next opening by the zones of a recipient. Many recipients share theirs."""

    def due_at(self, address: str, timezone: str | None) -> datetime | None:
        """Return when a message may be sent to a recipient: now, or when its window has opened. None: never.

        The zone is that of the recipient, else those of the number, else that of the tenant, else UTC.
        """
        zones = (timezone,) if timezone else (self._is_sms and zones_of_number(address)) or self._default
        if zones not in self._openings:
            self._openings[zones] = self._next_open(zones)
        return self._openings[zones]

    def _next_open(self, zones: Iterable[str]) -> datetime | None:
        opens = self._window.next_open([ZoneInfo(zone) for zone in zones], self._now)
        return opens if opens is None or opens == self._now else opens + CLOCK_MARGIN
