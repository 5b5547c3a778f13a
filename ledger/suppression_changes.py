"""Changes of the entries of addresses, as both ledgers make them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from core.suppressions import with_entry
from ledger.suppression_port import MAX_ENTRIES, Addition, Entries, NewSuppression, StoredSuppression
from schemas.statuses import SuppressionReason


class Plan(NamedTuple):
    """Additions as they can be written at once."""

    changed: dict[str, StoredSuppression]
    """Suppressions of the addresses that change, by id."""
    results: list[Addition]
    """Result of each addition, in order, once the changes are written."""


def plan_additions(stored: Mapping[str, Entries], new: Sequence[NewSuppression], now: datetime) -> Plan:
    """Return the changes of the stored entries, which are those of all addresses that have some."""
    entries, changed, results = dict(stored), dict[str, StoredSuppression](), []
    for each in new:
        before = entries.get(each.id, ())
        after = with_entry(before, each.entry, now)
        if len(after) > MAX_ENTRIES:
            after = tuple(entry for entry in after if entry.is_in_force(now))
        if len(after) > MAX_ENTRIES:
            results.append(Addition.FULL)
        elif after == before:
            results.append(Addition.UNCHANGED)
        else:
            results.append(Addition.ADDED)
            entries[each.id] = after
            changed[each.id] = StoredSuppression(each.id, each.sealed, after)
    return Plan(changed, results)


def without(entries: Entries, scope: str | None, reason: SuppressionReason | None) -> Entries:
    """Return the entries without those of a scope and a reason. None: of any."""
    return tuple(entry for entry in entries if scope not in {None, entry.scope} or reason not in {None, entry.reason})
