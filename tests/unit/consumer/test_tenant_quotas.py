"""Limits of tenants across processes, in virtual time. Each TenantQuotas stands for one process."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.flow_control import tenant_cache
from consumer.flow_control.shared_rate import MAX_DELAY_SECONDS
from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS, TenantCache
from consumer.flow_control.tenant_quotas import Grant, TenantQuotas
from core.period_limits import PeriodLimits, TakenPermits
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.memory import MemoryLedger
from ledger.permit_port import Permits
from ledger.tenant_port import StoredTenant, Tenants
from schemas.statuses import Channel, Reason
from schemas.tenant_settings import ChannelLimits, TenantLimits, TenantSettings
from tests.support.virtual_time import run_in_virtual_time

START = datetime(2026, 1, 2, 3, 0, 0, tzinfo=UTC)
SMS = Channel.SMS


class World:
    """A ledger at the begin of a minute, and how often it was asked."""

    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time
        self.ledger = MemoryLedger(lambda: START + timedelta(seconds=self.now()))
        self.calls = 0
        self.is_away = False

    def process(self, bounds: TenantLimits | None = None) -> TenantQuotas:
        watched: Any = _Watched(self)
        return Loading(TenantCache(watched, bounds or TenantLimits(), self.now), watched, self.now)

    async def limit(self, tenant: str = "tnt_a", **limits: int) -> None:
        version = (await self.ledger.tenants.get(tenant)).version
        settings = TenantSettings(limits=TenantLimits(sms=ChannelLimits(**limits)))
        assert await self.ledger.tenants.put(tenant, settings, version)


class Loading(TenantQuotas):
    """Quotas that load the limits before each call, as the owner of a window does."""

    async def take(self, tenant_id: str, channel: Channel, messages: int) -> Grant:
        await self.load(tenant_id)
        return await super().take(tenant_id, channel, messages)


class _Watched(Tenants, Permits):
    def __init__(self, world: World) -> None:
        self._world = world

    async def _call(self, answer: Awaitable[Any]) -> Any:
        await asyncio.sleep(0.002)
        self._world.calls += 1
        if self._world.is_away:
            answer.close()  # type: ignore[attr-defined]
            raise LedgerUnavailable("away")
        return await answer

    async def get(self, tenant_id: str) -> StoredTenant:
        return await self._call(self._world.ledger.tenants.get(tenant_id))  # type: ignore[no-any-return]

    async def take(self, key: str, limits: PeriodLimits, permits: int) -> TakenPermits:
        return await self._call(self._world.ledger.permits.take(key, limits, permits))  # type: ignore[no-any-return]

    async def give_back(self, key: str, taken: TakenPermits, permits: int) -> None:
        await self._call(self._world.ledger.permits.give_back(key, taken, permits))


def in_world(test: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        await test(World())

    run_in_virtual_time(run())


def delay(grant: Grant) -> float:
    assert grant.later is not None
    assert (grant.later.reason, grant.later.offered) == (Reason.RATE_LIMITED, False)
    assert grant.later.delay_seconds is not None
    return grant.later.delay_seconds


def test_a_tenant_without_limits_takes_no_permits() -> None:
    async def test(world: World) -> None:
        quotas = world.process()
        assert [await quotas.take("tnt_a", SMS, 1_000) for _ in range(50)] == [Grant(1_000)] * 50
        assert world.calls == 1

    in_world(test)


def test_processes_together_send_exactly_the_limit_of_each_minute() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_min=100)
        processes = [world.process() for _ in range(3)]
        for minute in range(3):
            takes = [process.take("tnt_a", SMS, 7) for process in processes for _ in range(20)]
            grants = await asyncio.gather(*takes)
            assert sum(grant.permits for grant in grants) == 100
            await asyncio.sleep(60 * (minute + 1) - world.now() + 0.1)

    in_world(test)


def test_calls_at_the_same_time_share_one_round_trip() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_min=10_000)
        quotas = world.process()
        await quotas.take("tnt_a", SMS, 1)
        before = world.calls
        grants = await asyncio.gather(*(quotas.take("tnt_a", SMS, 1) for _ in range(800)))

        assert {grant.permits for grant in grants} == {1}
        assert world.calls - before == 1

    in_world(test)


def test_the_first_messages_of_a_call_get_what_is_left_and_the_others_come_back_in_the_next_minute() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_min=10)
        quotas = world.process()
        grant = await quotas.take("tnt_a", SMS, 12)
        assert grant.permits == 10
        assert 60 < world.now() + delay(grant) < 75

        later = [delay(await quotas.take("tnt_a", SMS, 1)) for _ in range(5)]
        assert later == sorted(later)
        assert later[-1] - later[0] == pytest.approx(4 * 6 * 0.8)
        assert delay(await quotas.take("tnt_a", SMS, 100_000)) == MAX_DELAY_SECONDS

    in_world(test)


def test_a_tenant_at_its_limit_costs_one_round_trip_a_second_and_others_none() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_min=1)
        await world.limit("tnt_b", max_per_min=1_000)
        quotas = world.process()
        await quotas.take("tnt_a", SMS, 2)
        before = world.calls
        for _ in range(200):
            await quotas.take("tnt_a", SMS, 5)
        assert world.calls == before
        assert (await quotas.take("tnt_b", SMS, 5)).permits == 5
        assert (await quotas.take("tnt_a", Channel.EMAIL, 5)) == Grant(5)

    in_world(test)


def test_permits_of_a_minute_that_is_over_are_taken_anew() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_min=10, max_per_hour=15)
        quotas = world.process()
        grant = await quotas.take("tnt_a", SMS, 10)
        assert await quotas.renew("tnt_a", SMS, grant) == grant
        await asyncio.sleep(60)

        renewed = await quotas.renew("tnt_a", SMS, grant)
        assert (renewed.permits, renewed.later) == (10, None)
        assert (await world.process().take("tnt_a", SMS, 1)).permits == 0
        await asyncio.sleep(60)
        assert (await quotas.take("tnt_a", SMS, 10)).permits == 5

    in_world(test)


def test_permits_that_calls_give_back_together_can_be_taken_again() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_day=100)
        quotas = world.process()
        grants = await asyncio.gather(*(quotas.take("tnt_a", SMS, 1) for _ in range(100)))
        before = world.calls
        await asyncio.gather(*(quotas.give_back("tnt_a", SMS, grant, 1) for grant in grants[:40]))

        assert world.calls - before == 2
        assert (await world.process().take("tnt_a", SMS, 100)).permits == 40

    in_world(test)


def test_a_limit_that_is_raised_is_in_effect_within_ten_seconds_and_never_above_the_bound() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_day=1)
        quotas = world.process(TenantLimits(sms=ChannelLimits(max_per_day=50)))
        assert (await quotas.take("tnt_a", SMS, 5)).permits == 1
        await world.limit(max_per_day=1_000)
        await asyncio.sleep(MAX_AGE_SECONDS)

        assert MAX_AGE_SECONDS < 10
        assert (await quotas.take("tnt_a", SMS, 500)).permits == 49
        assert (await quotas.take("tnt_other", SMS, 500)).permits == 50

    in_world(test)


def test_without_the_ledger_known_settings_stay_in_use_and_a_limit_gives_no_permits() -> None:
    async def test(world: World) -> None:
        await world.limit(max_per_day=100)
        quotas = world.process()
        await quotas.take("tnt_a", SMS, 1)
        await quotas.take("tnt_free", SMS, 1)
        world.is_away = True
        await asyncio.sleep(2 * MAX_AGE_SECONDS)

        assert await quotas.take("tnt_free", SMS, 9) == Grant(9)
        assert (await quotas.take("tnt_a", SMS, 9)).permits == 0
        assert (await quotas.take("tnt_unknown", SMS, 9)).permits == 0
        world.is_away = False
        assert (await quotas.take("tnt_a", SMS, 9)).permits == 9

    in_world(test)


def test_settings_that_are_not_valid_count_as_none() -> None:
    async def test(world: World) -> None:
        async def refuse(_tenant_id: str) -> StoredTenant:
            raise LedgerRefused("not valid")

        world.ledger.tenants.get = refuse  # type: ignore[method-assign]
        quotas = world.process(TenantLimits(sms=ChannelLimits(max_per_day=5)))
        assert (await quotas.take("tnt_a", SMS, 9)).permits == 5

    in_world(test)


def test_a_process_remembers_a_bounded_number_of_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_cache, "MAX_TENANTS", 2)

    async def test(world: World) -> None:
        quotas = world.process()
        for tenant in ("tnt_a", "tnt_b", "tnt_c", "tnt_c", "tnt_b", "tnt_a"):
            await quotas.take(tenant, SMS, 1)
        assert world.calls == 4

    in_world(test)
