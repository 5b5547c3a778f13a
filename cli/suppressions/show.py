"""`rollcall suppressions list` and `export`."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from rich.console import Console

from cli.console import open_console, plain_table, print_table, write_json
from cli.plain_output import format_time, printable
from cli.settings import SuppressionSettings
from cli.suppressions.with_ledger import with_ledger
from core.addresses import AddressRules
from core.ids import suppression_range
from core.suppressions import SuppressionEntry
from ledger.personal_data_port import Pseudonym, is_erased
from ledger.ports import Ledger
from ledger.sealing import Sealer
from ledger.suppressing import find_suppression_key
from schemas.statuses import Channel, SuppressionReason

ADDRESSES_AT_ONCE = 1_000
"""Number of addresses that are read with one command."""


class ShownEntry(NamedTuple):
    """One entry of an address."""

    channel: Channel
    recipient: str
    entry: SuppressionEntry

    @property
    def document(self) -> dict[str, object]:
        """Return the entry as a line of JSON. With a whole address, `import` reads it."""
        fields = {name: value for name, value in self.entry._asdict().items() if value is not None}
        return {"channel": self.channel.value, "recipient": self.recipient, **fields}


class EntryFilter(NamedTuple):
    """Conditions for entries. All of them must hold."""

    channel: Channel | None = None
    reason: SuppressionReason | None = None
    scope: str | None = None

    def matches(self, entry: SuppressionEntry) -> bool:
        """Return whether reason and scope are those of an entry."""
        return self.reason in {None, entry.reason} and self.scope in {None, entry.scope}


def run_list(tenant: str, conditions: EntryFilter, limit: int, *, as_json: bool) -> None:
    """Print entries with masked addresses. Raises CommandError."""

    async def work(ledger: Ledger, settings: SuppressionSettings) -> None:
        await print_entries(ledger, settings.sealer, tenant, conditions, open_console(), limit=limit, as_json=as_json)

    with_ledger(tenant, work)


def run_export(tenant: str) -> None:
    """Print every entry with its whole address, one a line. Raises CommandError."""

    async def work(ledger: Ledger, settings: SuppressionSettings) -> None:
        console = open_console()
        async for each in entries(ledger, settings.sealer, tenant, EntryFilter()):
            write_json(console, each.document)

    with_ledger(tenant, work)


async def print_entries(  # noqa: PLR0913  # conditions, and the form of the output
    ledger: Ledger,
    sealer: Sealer,
    tenant: str,
    conditions: EntryFilter,
    console: Console,
    *,
    limit: int,
    as_json: bool,
) -> None:
    """Print the first entries that meet the conditions, with masked addresses."""
    shown, more = list[ShownEntry](), False
    async for each in entries(ledger, sealer, tenant, conditions):
        if len(shown) == limit:
            more = True
            break
        shown.append(each if is_erased(each.recipient) else each._replace(recipient=_masked(each)))
    if as_json:
        for each in shown:
            write_json(console, each.document)
        return
    table = plain_table("recipient", "channel", "reason", "scope", "source", "since", "until")
    for channel, recipient, (reason, scope, source, since, until) in shown:
        times = format_time(since), format_time(until)
        table.add_row(printable(recipient), channel.value, reason.value, scope, source, *times)
    print_table(console, table)
    if more:
        console.print("there are more: raise --limit, or filter further")


def _masked(entry: ShownEntry) -> str:
    return AddressRules(entry.channel, None).mask(entry.recipient, entry.recipient)


async def entries(ledger: Ledger, sealer: Sealer, tenant: str, conditions: EntryFilter) -> AsyncIterator[ShownEntry]:
    """Yield the entries that count now and meet the conditions, with whole addresses. An erased one is a pseudonym."""
    key = await find_suppression_key(ledger, tenant, sealer)
    if key is None:
        return
    after, before = suppression_range(key.key_id, conditions.channel)
    while page := await ledger.suppressions.list_range(after, before, ADDRESSES_AT_ONCE):
        now, after = ledger.now(), page[-1].id
        for stored in page:
            current = [each for each in stored.entries if each.is_in_force(now) and conditions.matches(each)]
            if current:
                channel, address = key.channel_of(stored.id), key.open(stored) or Pseudonym.of(stored.id).text
                for entry in current:
                    yield ShownEntry(channel, address, entry)
