"""Time slots of a rate that several processes share. Pure: the time is passed in.

A schedule is the time of its next free slot. A process leases some slots by moving that time on, and sends one message
in each slot. So all processes together never have more slots than the rate allows, and a slot that nothing used is over
when its time is over.
"""

from typing import NamedTuple

SHARE = 0.995
"""Share of the rate that is leased. The rest keeps a minute within the rate, whatever its first and last second are."""
MAX_AHEAD_SECONDS = 2.0
"""Maximum time from now to the first slot of a lease, in seconds. So the slots of a process that died are soon over."""
MAX_UNUSED_SECONDS = 0.3
"""Maximum number of unused slots that are leased again, as a time of the rate in seconds."""
CATCH_UP = 1.03
"""Speed of the schedule while unused slots are leased again. No second may have 5% more than the rate."""
CLOCK_JUMP_SECONDS = MAX_AHEAD_SECONDS + 30.0
"""A schedule that is further ahead was written before the clock of the server went back. It begins anew."""


class Schedule(NamedTuple):
    """Schedule of one rate."""

    next_at: float = 0.0
    """Time of the next free slot, in seconds since 1970."""
    unused: float = 0.0
    """Number of slots that their processes could not use in time."""


class SlotLease(NamedTuple):
    """Slots that a process leased."""

    slots: int
    """Number of slots. It is 0 if the slots of the next seconds are leased already."""
    first_at: float
    """Time of the first slot, in seconds since 1970 by the clock of the ledger."""
    interval_seconds: float
    now: float
    """Time of the lease, in seconds since 1970 by the clock of the ledger."""


def lease_slots(
    schedule: Schedule, now: float, per_second: float, slots: int, unused: int
) -> tuple[Schedule, SlotLease]:
    """Return the schedule after a lease, and the lease. `unused` slots of the same process were over before their use.

    `ledger/mongo/permit_store.py` does the same in MongoDB.
    """
    rate = per_second * SHARE
    kept = schedule.unused if schedule.next_at > now else 0.0
    waiting = min(kept + unused, rate * MAX_UNUSED_SECONDS)
    first_at = max(schedule.next_at, now) if schedule.next_at <= now + CLOCK_JUMP_SECONDS else now
    granted = slots if first_at - now <= MAX_AHEAD_SECONDS else 0
    interval = 1 / (rate * (CATCH_UP if waiting > 0 else 1.0))
    next_at = first_at + granted * interval
    left = max(0.0, waiting - granted * (1 - interval * rate))
    return Schedule(next_at, left), SlotLease(granted, first_at, interval, now)
