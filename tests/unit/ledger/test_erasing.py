"""Passes of an erasure: when the next one begins, and when it was the last one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.audit_port import AuditAction, AuditEntry
from ledger.erasing import end_pass
from ledger.erasure_port import Erasure, ErasureTarget
from ledger.memory import MemoryLedger
from ledger.personal_data_port import Pseudonym, is_erased

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORDER = Erasure("e" * 39, "t1", NOW, ErasureTarget("u1"), "a1", NOW + timedelta(minutes=15))


class Clock:
    now = NOW


async def a_ledger(clock: Clock) -> MemoryLedger:
    ledger = MemoryLedger(lambda: clock.now)
    await ledger.audit.add(AuditEntry("a1", "t1", AuditAction.ERASE, "officer", "u", NOW))
    await ledger.erasures.start(ORDER)
    await ledger.erasures.take_due(60)
    return ledger


async def seconds_until_due(ledger: MemoryLedger, clock: Clock) -> float:
    while await ledger.erasures.take_due(60) is None:
        clock.now += timedelta(seconds=1)
    return (clock.now - NOW).total_seconds()


@pytest.mark.parametrize(("tries", "seconds"), [(1, 5), (2, 10), (5, 80), (8, 600), (5_000, 600)])
async def test_what_is_left_open_is_looked_at_again_less_and_less_often(tries: int, seconds: float) -> None:
    clock = Clock()
    ledger = await a_ledger(clock)

    assert not await end_pass(ledger, replace(ORDER, tries=tries), is_open=True)

    assert await seconds_until_due(ledger, clock) == seconds


async def test_an_order_is_looked_at_once_more_before_it_ends() -> None:
    clock = Clock()
    ledger = await a_ledger(clock)

    assert not await end_pass(ledger, ORDER, is_open=False)
    assert await seconds_until_due(ledger, clock) == 900
    assert await end_pass(ledger, replace(ORDER, counts={"deliveries": 2}), is_open=False)

    (entry,) = await ledger.audit.list("t1", 1)
    assert (entry.counts, entry.done_at) == ({"deliveries": 2}, clock.now)
    clock.now += timedelta(days=1)
    assert await ledger.erasures.take_due(60) is None


def test_a_pseudonym_is_recognised_and_a_masked_address_is_not() -> None:
    pseudonym = Pseudonym.of("k" * 16 + "s" + "_-" + "A" * 20)

    assert pseudonym.text == "erased:s_-" + "A" * 20
    assert pseudonym.hash == b"\xff\xe0" + bytes(14)
    assert [is_erased(each) for each in (pseudonym.text, "138****8000", "e***@example.com")] == [True, False, False]
