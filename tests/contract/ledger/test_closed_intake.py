"""Requests whose intake is closed, and requests with lost parts (I2)."""

import asyncio

from ledger.ports import Ledger
from tests.contract.ledger.steps import complete, register_parts
from tests.support.builders import a_head, a_key, a_part, some_counts

KEY = a_key()


async def test_a_part_is_refused_after_the_intake_is_closed(ledger: Ledger) -> None:
    await register_parts(ledger, 0, 2)

    closed = await ledger.requests.close_intake(KEY)

    assert closed is not None
    assert closed.intake_closed
    assert await register_parts(ledger, 1) == closed
    assert await register_parts(ledger, 3, last=3) == closed


async def test_a_request_with_closed_intake_needs_its_registered_parts_only(ledger: Ledger) -> None:
    await register_parts(ledger, 0, 2)
    await ledger.requests.mark_part_expanded(KEY, 0)
    closed = await ledger.requests.close_intake(KEY)

    assert closed is not None
    assert not closed.all_parts_expanded
    assert (await ledger.requests.mark_part_expanded(KEY, 2)).all_parts_expanded


async def test_closing_the_intake_may_be_repeated(ledger: Ledger) -> None:
    await register_parts(ledger, 1, last=1)
    first = await ledger.requests.close_intake(KEY)

    assert first is not None
    assert await ledger.requests.close_intake(KEY) == first


async def test_the_intake_stays_open_if_all_parts_are_registered(ledger: Ledger) -> None:
    await register_parts(ledger, 1, 0, last=1)

    assert await ledger.requests.close_intake(KEY) is None
    request = await ledger.requests.get(KEY)
    assert request is not None
    assert not request.intake_closed


async def test_a_request_does_not_wait_for_a_lost_part(ledger: Ledger) -> None:
    await register_parts(ledger, 0, 2, last=2)
    await ledger.requests.mark_part_expanded(KEY, 0)

    stored = await ledger.requests.write_off_lost_parts(KEY)

    assert stored is not None
    assert (
        stored.intake_closed,
        stored.lost_parts,
        stored.expanded_parts,
        stored.all_parts_expanded,
    ) == (
        True,
        {2},
        {0},
        True,
    )
    assert await ledger.requests.write_off_lost_parts(KEY) == stored
    assert await register_parts(ledger, 1) == stored


async def test_no_part_is_lost_if_all_registered_parts_are_expanded(ledger: Ledger) -> None:
    await register_parts(ledger, 0)
    await ledger.requests.mark_part_expanded(KEY, 0)

    assert await ledger.requests.write_off_lost_parts(KEY) is None
    await register_parts(ledger, 1, last=1)
    await complete(ledger, some_counts(sent=3))
    assert await ledger.requests.write_off_lost_parts(KEY) is None
    request = await ledger.requests.get(KEY)
    assert request is not None
    assert not request.intake_closed


async def test_the_intake_of_a_completed_request_is_not_closed(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    await complete(ledger, some_counts(sent=3))

    assert await ledger.requests.close_intake(KEY) is None


async def test_closing_the_intake_and_a_late_part_at_once_agree(ledger: Ledger) -> None:
    for number in range(8):
        head = a_head(f"req-{number}")
        await ledger.requests.register_part(head, a_part(0, last=False))

        closed, answer = await asyncio.gather(
            ledger.requests.close_intake(head.key), ledger.requests.register_part(head, a_part(1))
        )

        request = await ledger.requests.get(head.key)
        assert request is not None
        assert (closed is None) is (1 in request.parts)
        assert answer.parts == request.parts
