"""Reservations of chunks from the budget of their request."""

import asyncio

from ledger.ports import Ledger
from tests.contract.ledger.steps import register_parts
from tests.support.builders import a_chunk

FIRST, SECOND, THIRD = (a_chunk(part=part).id for part in range(3))
BUDGET = 100


async def test_a_chunk_gets_what_the_others_leave_of_the_budget(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    reserve = ledger.requests.reserve

    assert await reserve(FIRST, 1, 60, BUDGET) == 60
    assert await reserve(SECOND, 1, 60, BUDGET) == 40
    assert await reserve(THIRD, 1, 1, BUDGET) == 0


async def test_an_amount_is_set_and_not_added(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    reserve = ledger.requests.reserve

    assert [await reserve(FIRST, 1, 60, BUDGET) for _ in range(3)] == [60, 60, 60]
    assert await reserve(FIRST, 1, 10, BUDGET) == 10  # gives back 50
    assert await reserve(SECOND, 1, 95, BUDGET) == 90
    assert await reserve(FIRST, 1, 30, BUDGET) == 10


async def test_an_earlier_owner_of_a_chunk_changes_nothing(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    reserve = ledger.requests.reserve
    await reserve(FIRST, 2, 60, BUDGET)

    assert await reserve(FIRST, 1, 0, BUDGET) is None
    assert await reserve(SECOND, 1, BUDGET, BUDGET) == 40
    assert await reserve(FIRST, 3, 0, BUDGET) == 0


async def test_an_unknown_request_has_no_budget(ledger: Ledger) -> None:
    assert await ledger.requests.reserve(FIRST, 1, 1, BUDGET) is None


async def test_many_reservations_at_once_keep_the_budget(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    chunks = [a_chunk(part=part).id for part in range(20)]

    granted = await asyncio.gather(*(ledger.requests.reserve(chunk, 1, 7, BUDGET) for chunk in chunks))

    assert None not in granted
    assert sum(filter(None, granted)) == BUDGET


async def test_reservations_do_not_change_the_request(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    before = await ledger.requests.get(a_chunk().key)
    await ledger.requests.reserve(FIRST, 1, 60, BUDGET)

    assert await ledger.requests.get(a_chunk().key) == before
