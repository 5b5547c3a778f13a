"""Limits on the number of messages in a minute, an hour and a day. Pure: the time is passed in.

A minute, an hour and a day are those of the clock in UTC. Each begins with a count of 0.
"""

from typing import NamedTuple

PERIOD_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
"""Length of each period in seconds, by its name."""


class PeriodLimits(NamedTuple):
    """Maximum number of messages in each period. None is no limit."""

    minute: int | None = None
    hour: int | None = None
    day: int | None = None


NO_LIMITS = PeriodLimits()


Used = dict[str, tuple[int, int]]
"""Begin of the last period of each name, in seconds since 1970, and the number of permits that were taken in it."""


class TakenPermits(NamedTuple):
    """Permits for messages of this minute."""

    permits: int
    """Number of permits, which may be lower than was asked for."""
    now: float
    """Time in seconds since 1970, by the clock of the ledger."""
    free_at: float | None = None
    """Time from which there may be more permits, if there were too few, in seconds since 1970."""

    @property
    def valid_until(self) -> float:
        """Return the end of the minute of these permits, in seconds since 1970."""
        return period_start("minute", self.now) + PERIOD_SECONDS["minute"]


def period_start(name: str, now: float) -> int:
    """Return the begin of the period at this time, in seconds since 1970."""
    return int(now // PERIOD_SECONDS[name]) * PERIOD_SECONDS[name]


def take_permits(used: Used, now: float, limits: PeriodLimits, permits: int) -> tuple[Used, TakenPermits]:
    """Return the counts after the permits were taken, and the permits: at most as many as each limit has left.

    `ledger/mongo/permit_store.py` does the same in MongoDB.
    """
    before = {name: _used_now(used, name, now) for name in PERIOD_SECONDS}
    left = {name: limit - before[name] for name, limit in limits._asdict().items() if limit is not None}
    granted = max(0, min([permits, *left.values()]))
    after = {name: (period_start(name, now), number + granted) for name, number in before.items()}
    return after, TakenPermits(granted, now, _free_at(after, limits, now) if granted < permits else None)


def return_permits(used: Used, taken: TakenPermits, permits: int) -> Used:
    """Return the counts without permits that were not used. A period that is over stays as it is."""
    return {
        name: (start, max(0, number - permits) if start == period_start(name, taken.now) else number)
        for name, (start, number) in used.items()
    }


def _used_now(used: Used, name: str, now: float) -> int:
    start, number = used.get(name, (0, 0))
    return number if start == period_start(name, now) else 0


def _free_at(used: Used, limits: PeriodLimits, now: float) -> float:
    """Return the end of the longest period that has no permits left."""
    full = [name for name, limit in limits._asdict().items() if limit is not None and used[name][1] >= limit]
    return max(period_start(name, now) + PERIOD_SECONDS[name] for name in full)
