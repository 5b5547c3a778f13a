"""Caps on the messages to one recipient in any day and in any week. Pure: the time is passed in.

Any 24 hours and any 7 days count, and not those of a calendar. So no cap is reached twice around a midnight, and the
time zone of the recipient does not matter.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.tenant_settings import RecipientCaps

DAY, WEEK = timedelta(days=1), timedelta(days=7)


class CountedMessage(NamedTuple):
    """Message to a recipient, counted before it is sent."""

    delivery: str
    """Log id, the same for each try. A delivery counts once."""
    at: datetime


def count_message(
    counted: Sequence[CountedMessage], delivery: str, caps: RecipientCaps, now: datetime
) -> tuple[CountedMessage, ...] | None:
    """Return the messages with this one in front, or None if it would be beyond a cap.

    A delivery that counts already is within the caps, and counts from now on. `counted` has the newest message first.
    `ledger/mongo/message_counter_store.py` does the same in MongoDB.
    """
    own_since = now - own_period(caps)
    is_counted = any(each.delivery == delivery and each.at > own_since for each in counted)
    if not is_counted and not all(_has_room(counted, most, now - period) for most, period in limits(caps)):
        return None
    others = [each for each in counted if each.delivery != delivery]
    return (CountedMessage(delivery, now), *others)[: most_counted(caps)]


def limits(caps: RecipientCaps) -> list[tuple[int, timedelta]]:
    """Return the number of messages for each period with a cap."""
    pairs = ((caps.per_day, DAY), (caps.per_week, WEEK))
    return [(most, period) for most, period in pairs if most is not None]


def most_counted(caps: RecipientCaps) -> int:
    """Return the number of messages that have to be kept. Older ones do not matter for these caps."""
    return max((most for most, _ in limits(caps)), default=0)


def own_period(caps: RecipientCaps) -> timedelta:
    """Return for how long a delivery that counts needs no room of its own. It is the shortest period with a cap."""
    return min((period for _, period in limits(caps)), default=WEEK)


def _has_room(counted: Sequence[CountedMessage], most: int, since: datetime) -> bool:
    """Return whether fewer messages were counted since then. The last one that would fill the cap tells."""
    return len(counted) < most or counted[most - 1].at <= since
