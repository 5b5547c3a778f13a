"""`rollcall audit list`: newest entries first, as a table or as lines of JSON."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from cli.console import PrintableConsole
from cli.tenants.audit_log import show
from ledger.audit_port import AuditAction, AuditEntry
from ledger.memory import MemoryLedger
from tests.support.cli_runner import run_rollcall

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
async def ledger() -> MemoryLedger:
    ledger = MemoryLedger(lambda: NOON)
    await ledger.audit.add(AuditEntry("a1", "tnt_a", AuditAction.EXPORT, "usr_1", "uAAA", NOON))
    await ledger.audit.add(AuditEntry("a2", "tnt_a", AuditAction.ERASE, "usr_\x1b[31m2", "sBBB", LATER))
    await ledger.audit.complete("a1", {"logs": 12_345, "suppressions": 0}, LATER)
    return ledger


async def shown(
    ledger: MemoryLedger, before: datetime | None = None, limit: int = 50, *, as_json: bool = False
) -> list[str]:
    page = io.StringIO()
    entries = await ledger.audit.list("tnt_a", limit, before)
    show(PrintableConsole(file=page, width=200), entries, as_json=as_json)
    return page.getvalue().splitlines()


async def test_entries_are_listed_newest_first_without_control_characters(ledger: MemoryLedger) -> None:
    head, newest, oldest = await shown(ledger)

    assert head.split() == ["time", "action", "actor", "person", "done", "counts"]
    assert newest.split()[:2] == ["2026-01-02T13:00:00.000Z", "erase"]
    assert "\x1b" not in newest
    assert "not yet" in newest
    assert oldest.endswith("2026-01-02T13:00:00.000Z  logs 12,345, suppressions 0")


async def test_entries_are_lines_of_json(ledger: MemoryLedger) -> None:
    newest, oldest = map(json.loads, await shown(ledger, as_json=True))

    assert newest.keys() == oldest.keys()
    assert (newest["done_at"], oldest["counts"]) == (None, {"logs": 12_345, "suppressions": 0})


async def test_the_list_is_limited_and_goes_on_before_a_time(ledger: MemoryLedger) -> None:
    assert [json.loads(line)["id"] for line in await shown(ledger, limit=1, as_json=True)] == ["a2"]
    assert [json.loads(line)["id"] for line in await shown(ledger, before=LATER, as_json=True)] == ["a1"]


def test_a_time_without_an_offset_is_refused() -> None:
    result = run_rollcall("audit", "list", "--tenant", "tnt_a", "--before", "2026-02-01")

    assert (result.exit_code, "--before" in result.stderr) == (2, True)
