"""Pages of the list of suppressions."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from core.ids import suppression_range
from core.suppressions import SuppressionEntry
from ledger.ports import Ledger
from ledger.suppression_key import SuppressionKey
from ledger.suppression_port import StoredSuppression
from producer.dependencies import Dependencies
from producer.suppressions.access import query
from schemas.query_parameters import SuppressionFilter

SCANNED_AT_ONCE, MAX_SCANS = 1_000, 5
"""Number of addresses that one query reads for a page with conditions, and maximum number of queries for a page."""


class SuppressionPage(NamedTuple):
    """Addresses, each with the entries that count now, and the cursor of the next page. It is None at the end."""

    items: list[StoredSuppression]
    next: str | None


async def read_page(deps: Dependencies, key: SuppressionKey, filters: SuppressionFilter) -> SuppressionPage:
    """Return a page. If few addresses meet the conditions, it may be short although the list goes on."""
    first, before = suppression_range(key.key_id, filters.channel)
    after = max(first, f"{key.key_id}{filters.after or ''}")
    limit = SCANNED_AT_ONCE if filters.reason or filters.scope else filters.page_size + 1
    items: list[StoredSuppression] = []
    for _ in range(MAX_SCANS):
        scanned = await query(deps, partial(list_current, after=after, before=before, limit=limit))
        for each in scanned.items:
            if not any(_matches(entry, filters) for entry in each.entries):
                continue
            if len(items) == filters.page_size:
                return SuppressionPage(items, items[-1].id.removeprefix(key.key_id))
            items.append(each)
        if scanned.next is None:
            return SuppressionPage(items, None)
        after = scanned.next
    return SuppressionPage(items, after.removeprefix(key.key_id))


async def list_current(ledger: Ledger, *, after: str, before: str, limit: int) -> SuppressionPage:
    """Read addresses between two ids, with the entries that count now. The cursor is the id that was read last."""
    stored, now = await ledger.suppressions.list_range(after, before, limit), ledger.now()
    items = [replace(each, entries=in_force(each.entries, now)) for each in stored]
    return SuppressionPage(items, stored[-1].id if len(stored) == limit else None)


def in_force(entries: tuple[SuppressionEntry, ...], now: datetime) -> tuple[SuppressionEntry, ...]:
    """Return the entries that count now."""
    return tuple(each for each in entries if each.is_in_force(now))


def _matches(entry: SuppressionEntry, filters: SuppressionFilter) -> bool:
    return filters.reason in {None, entry.reason} and filters.scope in {None, entry.scope}
