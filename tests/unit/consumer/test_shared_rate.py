"""Rate that processes share, in virtual time. Each SharedRate stands for one process."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from consumer.flow_control.shared_rate import BLOCK_SECONDS, LONGEST_WAIT_SECONDS, SharedRate
from core.rate_schedule import SlotLease
from ledger.errors import LedgerUnavailable
from ledger.memory import MemoryLedger
from ledger.permit_port import Permits
from schemas.statuses import Lane
from tests.support.virtual_time import run_in_virtual_time

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = 20


class World:
    """Processes with one ledger, and the messages that they sent in each second."""

    def __init__(self, per_second: float) -> None:
        self.now = asyncio.get_running_loop().time
        self.rate = per_second
        self.ledger = MemoryLedger(lambda: START + timedelta(seconds=self.now()))
        self.sent: Counter[int] = Counter()
        self.tasks: list[asyncio.Task[None]] = []

    def process(self, permits: Permits | None = None, clock_offset: float = 0.0) -> SharedRate:
        def monotonic() -> float:
            return self.now() + clock_offset

        return SharedRate("gateway", self.rate, permits or self.ledger.permits, monotonic, asyncio.sleep)

    def send_all_the_time(self, rate: SharedRate, calls: int = 500, permits: int = 1) -> None:
        async def send() -> None:
            while await rate.acquire(Lane.BULK, permits):
                self.sent[int(self.now())] += permits

        self.tasks += [asyncio.create_task(send()) for _ in range(calls)]

    async def settle(self, seconds: float = SECONDS + 0.5) -> None:
        await asyncio.sleep(seconds)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def check_exact(self) -> None:
        whole = [self.sent[second] for second in range(1, SECONDS)]
        assert 0.98 <= sum(whole) / len(whole) / self.rate <= 1.0
        assert max(whole) <= self.rate * 1.05


def in_world(test: Callable[[World], Awaitable[None]], per_second: float) -> None:
    async def run() -> None:
        await test(World(per_second))

    run_in_virtual_time(run())


class Slow(Permits):
    """Permits whose answers take some milliseconds, other ones each time."""

    def __init__(self, inner: Permits, most_seconds: float) -> None:
        self._inner, self._most, self._calls = inner, most_seconds, 0

    async def lease_slots(self, key: str, per_second: float, slots: int, unused: int) -> SlotLease:
        self._calls += 1
        await asyncio.sleep(self._most * (self._calls * 7 % 11) / 22)
        lease = await self._inner.lease_slots(key, per_second, slots, unused)
        await asyncio.sleep(self._most * (self._calls * 5 % 11) / 22)
        return lease


@pytest.mark.parametrize("per_second", [100, 1_000])
@pytest.mark.parametrize("processes", [1, 3])
def test_the_rate_is_exact_with_one_process_and_with_three(per_second: float, processes: int) -> None:
    async def test(world: World) -> None:
        for number in range(processes):
            world.send_all_the_time(world.process(clock_offset=number * 1_000.0))
        await world.settle()
        world.check_exact()

    in_world(test, per_second)


def test_the_rate_is_exact_with_a_slow_ledger() -> None:
    async def test(world: World) -> None:
        for _ in range(3):
            world.send_all_the_time(world.process(Slow(world.ledger.permits, 0.08)))
        await world.settle()
        world.check_exact()

    in_world(test, 1_000)


def test_a_process_that_dies_loses_one_block_and_the_others_get_the_whole_rate() -> None:
    async def test(world: World) -> None:
        dying, living = world.process(), world.process()
        world.send_all_the_time(dying)
        world.send_all_the_time(living)
        await asyncio.sleep(10)
        dying.close()
        await world.settle(20)

        lost = [world.rate - world.sent[second] for second in range(9, 14)]
        assert sum(lost) <= 2 * BLOCK_SECONDS * world.rate
        assert world.sent[15] >= 0.98 * world.rate

    in_world(test, 1_000)


def test_a_process_without_work_keeps_nothing() -> None:
    async def test(world: World) -> None:
        idle = world.process()
        assert await idle.acquire(Lane.EXPRESS, 1)
        world.send_all_the_time(world.process())
        await world.settle()
        world.check_exact()

    in_world(test, 100)


def test_slots_that_a_process_missed_are_used_later() -> None:
    async def test(world: World) -> None:
        waits = 0

        async def sleep(seconds: float) -> None:
            nonlocal waits
            waits += 1
            await asyncio.sleep(seconds + 0.06 if waits % 1_000 == 0 else seconds)  # a stall of the event loop

        rate = SharedRate("gateway", world.rate, world.ledger.permits, world.now, sleep)
        world.send_all_the_time(rate)
        await world.settle()
        world.check_exact()

    in_world(test, 1_000)


@pytest.mark.parametrize("jump", [-3.0, 3.0])
def test_a_clock_of_the_ledger_that_jumps_does_not_stop_the_rate(jump: float) -> None:
    async def test(world: World) -> None:
        moved = 0.0
        world.ledger = MemoryLedger(lambda: START + timedelta(seconds=world.now() + moved))
        world.send_all_the_time(world.process())
        await asyncio.sleep(5)
        moved = jump
        await world.settle(20)

        assert max(world.sent.values()) <= 1.1 * world.rate
        assert [world.sent[second] for second in range(12, 20)] == pytest.approx([world.rate] * 8, rel=0.02)

    in_world(test, 100)


def test_a_call_of_several_messages_takes_a_permit_for_each() -> None:
    async def test(world: World) -> None:
        world.send_all_the_time(world.process(), calls=20, permits=10)
        await world.settle()
        world.check_exact()

    in_world(test, 1_000)


def test_the_express_lane_goes_first_and_the_bulk_lane_keeps_a_share() -> None:
    async def test(world: World) -> None:
        order, rate = list[str](), world.process()

        async def call(lane: Lane) -> None:
            assert await rate.acquire(lane, 1)
            order.append(lane.value[0])

        await asyncio.gather(*map(call, [Lane.BULK] * 3 + [Lane.EXPRESS] * 9))
        assert "".join(order) == "eeeebeeeebeb"

    in_world(test, 10)


def test_deliveries_that_would_wait_too_long_are_spread_over_the_time_of_the_rate() -> None:
    async def test(world: World) -> None:
        rate = world.process()
        assert rate.book(Lane.BULK, 1) is None
        world.send_all_the_time(rate, calls=round(LONGEST_WAIT_SECONDS * world.rate))
        await asyncio.sleep(0)

        booked = [rate.book(Lane.BULK, 5) for _ in range(3)]
        assert booked == pytest.approx([LONGEST_WAIT_SECONDS + seconds for seconds in (0.5, 1.0, 1.5)])
        assert rate.book(Lane.EXPRESS, 1) is None
        await world.settle(1)

    in_world(test, 10)


def test_calls_wait_while_the_ledger_is_away() -> None:
    class Away(Slow):
        async def lease_slots(self, key: str, per_second: float, slots: int, unused: int) -> SlotLease:
            if self._calls < 3:
                self._calls += 1
                raise LedgerUnavailable("away")
            return await super().lease_slots(key, per_second, slots, unused)

    async def test(world: World) -> None:
        rate = world.process(Away(world.ledger.permits, 0.0))
        assert await rate.acquire(Lane.BULK, 1)
        assert world.now() > 1

    in_world(test, 10)


def test_a_stop_ends_all_waits() -> None:
    async def test(world: World) -> None:
        rate = world.process()
        waits = [asyncio.create_task(rate.acquire(Lane.BULK, 1)) for _ in range(30)]
        await asyncio.sleep(0.5)
        rate.close()
        answers = await asyncio.gather(*waits)

        assert sum(answers) in {5, 6}
        assert await rate.acquire(Lane.EXPRESS, 1) is False

    in_world(test, 10)
