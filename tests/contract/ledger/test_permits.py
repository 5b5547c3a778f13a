"""Permits: slots of a rate and counts of periods. Processes that lease at the same time never share one."""

import asyncio
import itertools
from datetime import datetime

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from core.period_limits import PERIOD_SECONDS, PeriodLimits
from core.rate_schedule import CATCH_UP, MAX_AHEAD_SECONDS, SHARE, SlotLease
from ledger.mongo import MongoLedger
from ledger.ports import Ledger
from tests.contract.ledger.conftest import Wait

KEY = "provider gateway"


def end_of(lease: SlotLease) -> float:
    return lease.first_at + lease.slots * lease.interval_seconds


async def test_the_first_slot_of_an_idle_rate_is_now(ledger: Ledger) -> None:
    lease = await ledger.permits.lease_slots(KEY, 100, 10, 0)

    assert lease.first_at == lease.now == pytest.approx(ledger.now().timestamp(), abs=5)
    assert lease.slots == 10
    assert lease.interval_seconds == pytest.approx(1 / (100 * SHARE))


async def test_leases_at_the_same_time_follow_each_other_without_a_gap(ledger: Ledger) -> None:
    leases = await asyncio.gather(*(ledger.permits.lease_slots(KEY, 1_000, 100, 0) for _ in range(15)))

    ordered = sorted(leases, key=lambda lease: lease.first_at)
    assert [lease.slots for lease in ordered] == [100] * 15
    for before, after in itertools.pairwise(ordered):
        assert after.first_at == pytest.approx(end_of(before), abs=1e-5)


async def test_slots_far_ahead_are_not_leased(ledger: Ledger, wait: Wait) -> None:
    ahead = await ledger.permits.lease_slots(KEY, 10, 25, 0)
    refused = await ledger.permits.lease_slots(KEY, 10, 5, 0)

    assert ahead.slots == 25
    assert refused.slots == 0
    assert refused.first_at == pytest.approx(end_of(ahead), abs=1e-3)

    await wait(refused.first_at - refused.now - MAX_AHEAD_SECONDS + 0.01)
    assert (await ledger.permits.lease_slots(KEY, 10, 5, 0)).slots == 5


async def test_slots_that_nobody_leased_are_over(ledger: Ledger, wait: Wait) -> None:
    await ledger.permits.lease_slots(KEY, 100, 1, 0)
    await wait(0.3)

    later = await ledger.permits.lease_slots(KEY, 100, 1, 0)
    assert later.first_at == later.now


async def test_unused_slots_are_leased_again_a_little_faster_until_they_are_used_up(ledger: Ledger) -> None:
    await ledger.permits.lease_slots(KEY, 1_000, 100, 0)
    first = await ledger.permits.lease_slots(KEY, 1_000, 100, 3)
    second = await ledger.permits.lease_slots(KEY, 1_000, 200, 0)
    third = await ledger.permits.lease_slots(KEY, 1_000, 100, 0)

    rate = 1_000 * SHARE
    assert [1 / lease.interval_seconds for lease in (first, second, third)] == [
        pytest.approx(rate * CATCH_UP),
        pytest.approx(rate * CATCH_UP),
        pytest.approx(rate),
    ]


async def test_rates_do_not_share_their_slots(ledger: Ledger) -> None:
    await ledger.permits.lease_slots(KEY, 10, 15, 0)

    other = await ledger.permits.lease_slots("provider other", 10, 5, 0)
    assert other.first_at == other.now


async def test_processes_that_take_at_the_same_time_get_exactly_the_limit(ledger: Ledger) -> None:
    limits = PeriodLimits(day=50)
    taken = await asyncio.gather(*(ledger.permits.take(KEY, limits, 7) for _ in range(20)))

    assert sum(each.permits for each in taken) == 50
    assert sorted(each.permits for each in taken)[-8:] == [1, *[7] * 7]
    assert all((each.free_at is None) == (each.permits == 7) for each in taken)


async def test_the_longest_period_that_is_full_says_when_there_are_more(ledger: Ledger) -> None:
    some = await ledger.permits.take(KEY, PeriodLimits(minute=3, hour=5), 3)
    full_minute = await ledger.permits.take(KEY, PeriodLimits(minute=3, hour=5), 1)
    full_hour = await ledger.permits.take(KEY, PeriodLimits(minute=3, hour=3, day=9), 1)

    assert (some.permits, some.free_at) == (3, None)
    assert some.now < some.valid_until <= some.now + 60
    assert full_minute.permits == full_hour.permits == 0
    assert full_minute.free_at == some.valid_until
    assert full_hour.free_at is not None
    assert full_hour.free_at % 3_600 == 0
    assert 0 < full_hour.free_at - full_hour.now <= 3_600


async def test_permits_that_are_given_back_can_be_taken_again(ledger: Ledger) -> None:
    limits = PeriodLimits(hour=10)
    taken = await ledger.permits.take(KEY, limits, 10)
    await ledger.permits.give_back(KEY, taken, 4)
    again = await ledger.permits.take(KEY, limits, 10)

    assert again.permits == 4


async def test_permits_of_a_period_that_is_over_are_not_given_back(ledger: Ledger) -> None:
    limits = PeriodLimits(day=10)
    taken = await ledger.permits.take(KEY, limits, 10)
    await ledger.permits.give_back(KEY, taken._replace(now=taken.now - 86_400), 4)

    assert (await ledger.permits.take(KEY, limits, 10)).permits == 0


async def test_a_higher_limit_counts_what_was_taken_before(ledger: Ledger) -> None:
    await ledger.permits.take(KEY, PeriodLimits(), 8)

    assert (await ledger.permits.take(KEY, PeriodLimits(day=5), 1)).permits == 0
    assert (await ledger.permits.take(KEY, PeriodLimits(day=10), 9)).permits == 2


async def test_mongodb_forgets_permits_after_the_longest_period(contract_database: tuple[str, str]) -> None:
    url, name = contract_database
    ledger = await MongoLedger.connect(url, name)
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(url)
    permits = client[name]["permits"]
    try:
        await ledger.setup()
        index = (await permits.index_information())["forgotten"]
        await ledger.permits.take("tenant", PeriodLimits(day=5), 1)
        await ledger.permits.lease_slots("provider", 10.0, 1, 0)
        assert {type(document["used_at"]) async for document in permits.find()} == {datetime}
    finally:
        await permits.delete_many({})
        client.close()
        await ledger.aclose()
    assert index["key"] == [("used_at", 1)]
    assert index["expireAfterSeconds"] > max(PERIOD_SECONDS.values())
