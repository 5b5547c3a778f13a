"""Command for the audit log: list."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, write_json
from cli.settings import LedgerAddress, load
from core.rfc3339 import rfc3339
from ledger.audit_port import AuditEntry


def run_list(tenant: str, before: datetime | None, limit: int, *, as_json: bool) -> None:
    """Print the newest entries of a tenant, or those before a time."""

    async def run() -> None:
        async with open_ledger(load(LedgerAddress)) as ledger:
            show(open_console(), await ledger.audit.list(tenant, limit, before), as_json=as_json)

    loop.run(run())


def show(console: Console, entries: Iterable[AuditEntry], *, as_json: bool) -> None:
    """Print the entries, one a line."""
    if as_json:
        for entry in entries:
            write_json(console, _document(entry))
        return
    table = plain_table("time", "action", "actor", "person", "done", "counts")
    for entry in entries:
        counts = ", ".join(f"{name} {number:,}" for name, number in sorted(entry.counts.items()))
        done = rfc3339(entry.done_at) if entry.done_at else "not yet"
        table.add_row(rfc3339(entry.at), entry.action.value, entry.actor, entry.person, done, counts)
    print_table(console, table)


def _document(entry: AuditEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "tenant_id": entry.tenant_id,
        "action": entry.action.value,
        "actor": entry.actor,
        "person": entry.person,
        "at": rfc3339(entry.at),
        "done_at": rfc3339(entry.done_at) if entry.done_at else None,
        "counts": dict(entry.counts),
    }
