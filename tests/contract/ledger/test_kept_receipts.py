"""Receipts that match no log yet: kept, claimed when they are due, tried again with growing pauses, deleted."""

import asyncio
from datetime import timedelta

import pytest

from ledger.ports import Ledger
from ledger.receipt_port import FIRST_PAUSE, LONGEST_PAUSE, KeptReceipt, pause_after
from tests.contract.ledger.conftest import Wait

LEASE = 60.0
SOON = FIRST_PAUSE.total_seconds()


async def test_a_receipt_is_claimed_after_its_pause_and_by_one_process(ledger: Ledger, wait: Wait) -> None:
    await ledger.receipts.keep({"0/1/5": b"one", "0/2/5": b"two"})
    assert await _claim(ledger) == []
    await wait(SOON)

    claims = await asyncio.gather(_claim(ledger), _claim(ledger), _claim(ledger))

    claimed = [each for claim in claims for each in claim]
    assert sorted((each.id, each.sealed, each.tries) for each in claimed) == [
        ("0/1/5", b"one", 1),
        ("0/2/5", b"two", 1),
    ]


async def test_a_receipt_that_is_kept_again_does_not_change(ledger: Ledger, wait: Wait) -> None:
    await ledger.receipts.keep({"0/1/5": b"one"})
    await ledger.receipts.keep({"0/1/5": b"again", "0/2/5": b"two"})
    await wait(SOON)

    assert sorted(each.sealed for each in await _claim(ledger)) == [b"one", b"two"]
    assert await ledger.receipts.count() == 2


async def test_the_oldest_is_claimed_first_and_no_more_than_asked_for(ledger: Ledger, wait: Wait) -> None:
    await ledger.receipts.keep({"0/1/5": b"one"})
    await wait(0.1)
    await ledger.receipts.keep({"0/2/5": b"two"})
    await wait(SOON)

    assert [each.id for each in await _claim(ledger, limit=1)] == ["0/1/5"]


async def test_a_claim_ends_with_its_lease(ledger: Ledger, wait: Wait) -> None:
    first = await _kept_and_claimed(ledger, wait)
    await wait(LEASE / 2)
    assert await _claim(ledger) == []
    await wait(LEASE)

    (again,) = await _claim(ledger)

    assert (again.id, again.tries) == (first.id, 2)
    assert again.first_seen_at <= first.first_seen_at


async def test_a_receipt_that_is_put_back_waits_longer_each_time(ledger: Ledger, wait: Wait) -> None:
    claimed = await _kept_and_claimed(ledger, wait)
    await ledger.receipts.postpone([claimed])
    await wait(pause_after(1).total_seconds() - 1)
    assert await _claim(ledger) == []
    await wait(1.1)

    assert [each.tries for each in await _claim(ledger)] == [2]


async def test_a_receipt_that_is_done_is_deleted(ledger: Ledger, wait: Wait) -> None:
    claimed = await _kept_and_claimed(ledger, wait)
    await ledger.receipts.delete([claimed.id, "0/9/9"])
    await ledger.receipts.postpone([claimed])
    await wait(LEASE + pause_after(1).total_seconds())

    assert await _claim(ledger) == []
    assert await ledger.receipts.count() == 0


async def test_nothing_to_do_is_no_error(ledger: Ledger) -> None:
    await ledger.receipts.keep({})
    await ledger.receipts.postpone([])
    await ledger.receipts.delete([])


@pytest.mark.parametrize(("tries", "pause"), [(0, timedelta(seconds=2)), (1, timedelta(seconds=8)), (9, LONGEST_PAUSE)])
def test_the_pause_grows_up_to_an_hour(tries: int, pause: timedelta) -> None:
    assert pause_after(tries) == pause
    assert pause_after(10_000) == LONGEST_PAUSE


async def _claim(ledger: Ledger, limit: int = 10) -> list[KeptReceipt]:
    return await ledger.receipts.claim_due(limit, LEASE)


async def _kept_and_claimed(ledger: Ledger, wait: Wait) -> KeptReceipt:
    await ledger.receipts.keep({"0/1/5": b"one"})
    await wait(SOON)
    (claimed,) = await _claim(ledger)
    return claimed
