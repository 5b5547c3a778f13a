"""Message counters: the caps on the messages to one recipient, across processes."""

import asyncio

import pytest

from core.message_caps import DAY, WEEK
from ledger.message_counter_port import MessageToCount
from ledger.ports import Ledger
from schemas.tenant_settings import MAX_CAP, RecipientCaps
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.documents.stored import Documents

DAILY = RecipientCaps(per_day=2)


async def count(ledger: Ledger, *deliveries: str, counter: str = "a", caps: RecipientCaps = DAILY) -> list[str]:
    """Count one delivery after the other, and return those within the caps."""
    within: list[str] = []
    for delivery in deliveries:
        within += await ledger.message_counters.count([MessageToCount(counter, delivery)], caps)
    return within


async def test_messages_beyond_the_cap_are_not_counted(ledger: Ledger) -> None:
    assert await count(ledger, "1", "2", "3", "4") == ["1", "2"]
    assert await count(ledger, "3", counter="b") == ["3"]


async def test_a_delivery_counts_once(ledger: Ledger) -> None:
    assert await count(ledger, "1", "1", "1", "2", "1", "3", "2") == ["1", "1", "1", "2", "1", "2"]


async def test_the_messages_of_a_window_are_counted_together(ledger: Ledger) -> None:
    await count(ledger, "1", "2", counter="full")
    window = [MessageToCount(each, f"w-{each}") for each in ("full", "b", "c")]
    assert await ledger.message_counters.count(window, DAILY) == {"w-b", "w-c"}
    assert await ledger.message_counters.count([], DAILY) == set()


async def test_a_message_that_is_taken_back_leaves_its_place(ledger: Ledger) -> None:
    await count(ledger, "1", "2")
    await ledger.message_counters.take_back(
        [MessageToCount("a", "1"), MessageToCount("a", "9"), MessageToCount("z", "1")]
    )
    assert await count(ledger, "3", "4") == ["3"]


async def test_any_day_and_any_week_count(ledger: Ledger, wait: Wait) -> None:
    caps = RecipientCaps(per_day=1, per_week=3)
    within = []
    for day in range(9):
        within += await count(ledger, f"{day}a", f"{day}b", caps=caps)
        await wait(DAY.total_seconds())
    assert within == ["0a", "1a", "2a", "7a", "8a"]


async def test_a_delivery_that_is_tried_again_a_day_later_counts_from_then_on(ledger: Ledger, wait: Wait) -> None:
    assert await count(ledger, "1", "2") == ["1", "2"]
    await wait(DAY.total_seconds() - 60)
    assert await count(ledger, "1") == ["1"]
    await wait(120)
    assert await count(ledger, "3", "4") == ["3"]


async def test_of_many_processes_at_once_the_cap_is_kept(ledger: Ledger) -> None:
    caps = RecipientCaps(per_day=5)
    answers = await asyncio.gather(*(count(ledger, str(number), caps=caps) for number in range(20)))
    assert sum(map(len, answers)) == 5


@pytest.mark.parametrize("caps", [RecipientCaps(per_week=1), RecipientCaps(per_day=MAX_CAP, per_week=MAX_CAP)])
async def test_one_cap_or_both_are_enough(ledger: Ledger, caps: RecipientCaps) -> None:
    most = caps.per_week or 0
    numbers = [str(number) for number in range(most + 1)]
    assert await count(ledger, *numbers, caps=caps) == numbers[:most]


async def test_a_counter_is_deleted_a_week_after_its_last_message(documents: Documents) -> None:
    await count(documents.ledger, "1")
    stored = await documents.only("message_counters")
    (sent,) = stored["sent"]
    assert (stored["_id"], sent["id"], stored["gone_at"] - sent["at"]) == ("a", "1", WEEK)
