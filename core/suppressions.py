"""Entries of an address that must not be written to, and the decision about a message. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.statuses import Category, Reason, SuppressionReason
from schemas.suppressions import CATEGORY_SCOPE, EVERYTHING, LIST_SCOPE, OF_ADDRESS

REASONS: dict[SuppressionReason, Reason] = {
    SuppressionReason.OPTED_OUT: Reason.OPTED_OUT,
    SuppressionReason.COMPLAINED: Reason.COMPLAINED,
    SuppressionReason.BOUNCED: Reason.BOUNCED,
    SuppressionReason.INVALID: Reason.INVALID_ADDRESS,
    SuppressionReason.MANUAL: Reason.MANUAL,
}
"""Reason in the log for each reason of an entry. The first one that stops a message counts."""


class SuppressionEntry(NamedTuple):
    """Reason for which an address must not be written to, and the messages that it stops."""

    reason: SuppressionReason
    scope: str
    """`all`, `category:<category>` or `list:<mailing list>`."""
    source: str
    """Origin of the entry, such as `api`. It has no address."""
    since: datetime
    until: datetime | None = None
    """Time from which the entry counts no more. None: it always counts."""

    def is_in_force(self, now: datetime) -> bool:
        """Return whether the entry counts at this time."""
        return self.until is None or now < self.until


def reason_to_suppress(
    entries: Iterable[SuppressionEntry], category: Category, mailing_list: str | None, now: datetime
) -> Reason | None:
    """Return the reason for which a message must not be sent to the address of the entries, or None.

    An opt-out or a complaint about a category or a list stops marketing only. With the scope `all` it stops everything.
    """
    stopping = {entry.reason for entry in entries if entry.is_in_force(now) and _stops(entry, category, mailing_list)}
    return next((reason for cause, reason in REASONS.items() if cause in stopping), None)


def _stops(entry: SuppressionEntry, category: Category, mailing_list: str | None) -> bool:
    if entry.scope == EVERYTHING or entry.reason in OF_ADDRESS:
        return True
    if category is not Category.MARKETING and entry.reason is not SuppressionReason.MANUAL:
        return False
    if mailing_list is not None and entry.scope == f"{LIST_SCOPE}{mailing_list}":
        return True
    return entry.scope == f"{CATEGORY_SCOPE}{category}"


def with_entry(
    entries: Sequence[SuppressionEntry], new: SuppressionEntry, now: datetime
) -> tuple[SuppressionEntry, ...]:
    """Return the entries and a new one. An entry with the same reason and scope stays, and may end later.

    One that has ended is replaced.
    """
    merged = list(entries)
    for at, old in enumerate(entries):
        if (old.reason, old.scope) == (new.reason, new.scope):
            merged[at] = _extended(old, new) if old.is_in_force(now) else new
            return tuple(merged)
    return (*merged, new)


def _extended(old: SuppressionEntry, new: SuppressionEntry) -> SuppressionEntry:
    if old.until is None or (new.until is not None and new.until <= old.until):
        return old
    return old._replace(until=new.until)
