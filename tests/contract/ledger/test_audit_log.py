"""Audit log: newest entries first, of one tenant, each written once."""

from dataclasses import replace
from datetime import timedelta

from ledger.audit_port import AuditAction, AuditEntry
from ledger.ports import Ledger
from tests.support.builders import ACCEPTED_AT, TENANT


def an_entry(name: str = "a1", *, seconds: int = 0, tenant_id: str = TENANT) -> AuditEntry:
    at = ACCEPTED_AT + timedelta(seconds=seconds)
    return AuditEntry(name, tenant_id, AuditAction.ERASE, "officer", "uAAAAAAAAAAAAAAAAAAAAAA", at)


async def test_the_entries_of_a_tenant_are_listed_newest_first(ledger: Ledger) -> None:
    for entry in (an_entry("a1"), an_entry("a2", seconds=2), an_entry("a3", tenant_id="other")):
        await ledger.audit.add(entry)

    assert await ledger.audit.list(TENANT, 10) == [an_entry("a2", seconds=2), an_entry("a1")]
    assert await ledger.audit.list(TENANT, 1) == [an_entry("a2", seconds=2)]
    assert await ledger.audit.list(TENANT, 10, an_entry("a2", seconds=2).at) == [an_entry("a1")]


async def test_an_entry_gets_its_counts_when_the_action_is_done(ledger: Ledger) -> None:
    done_at = ACCEPTED_AT + timedelta(minutes=1)
    await ledger.audit.add(an_entry())
    await ledger.audit.complete("a1", {"deliveries": 3}, done_at)
    await ledger.audit.complete("unknown", {"deliveries": 4}, done_at)

    assert await ledger.audit.list(TENANT, 10) == [replace(an_entry(), counts={"deliveries": 3}, done_at=done_at)]


async def test_a_repeated_entry_changes_nothing(ledger: Ledger) -> None:
    await ledger.audit.add(an_entry())
    await ledger.audit.complete("a1", {"deliveries": 3}, ACCEPTED_AT)
    await ledger.audit.add(replace(an_entry(), actor="somebody else"))

    (entry,) = await ledger.audit.list(TENANT, 10)
    assert (entry.actor, entry.counts) == ("officer", {"deliveries": 3})
