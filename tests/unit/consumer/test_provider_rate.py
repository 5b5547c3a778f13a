"""Order in which a rate of a provider is given out."""

import asyncio

from consumer.flow_control.rate_limit import RateLimiter
from schemas.statuses import Lane
from tests.support.clock import ManualClock


async def test_the_express_lane_comes_first_and_the_bulk_lane_has_every_fifth_turn() -> None:
    clock, order = ManualClock(), list[str]()

    async def sleep(seconds: float) -> None:
        clock.now += seconds
        await asyncio.sleep(0)

    limiter = RateLimiter(10, clock, sleep)

    async def call(lane: Lane) -> None:
        assert await limiter.acquire(lane)
        order.append(lane.value[0])

    assert await limiter.acquire(Lane.BULK)  # the burst
    calls = [Lane.BULK] * 3 + [Lane.EXPRESS] * 9
    await asyncio.gather(*map(call, calls))

    assert "".join(order) == "eeeebeeeebeb"


async def test_a_small_request_that_comes_during_the_wait_for_the_rate_goes_before_those_that_waited() -> None:
    clock, order, paused = ManualClock(), list[str](), asyncio.Event()

    async def sleep(seconds: float) -> None:
        await paused.wait()
        clock.now += seconds

    limiter = RateLimiter(0.2, clock, sleep)

    async def call(lane: Lane) -> None:
        assert await limiter.acquire(lane)
        order.append(lane.value)

    assert await limiter.acquire(Lane.BULK)  # the burst
    bulk = asyncio.create_task(call(Lane.BULK))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the limiter waits for its next token
    express = asyncio.create_task(call(Lane.EXPRESS))
    await asyncio.sleep(0)
    paused.set()
    await asyncio.gather(bulk, express)

    assert order == ["express", "bulk"]


async def test_a_token_that_lacks_a_rounding_error_is_waited_for_as_long_as_the_clock_can_show() -> None:
    clock, sleeps = ManualClock(1e4), list[float]()

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        assert len(sleeps) < 10, "the wait has no end"
        clock.now += seconds

    limiter = RateLimiter(2.0, clock, sleep)
    limiter._tokens = 1 - 9e-16

    assert await limiter.acquire(Lane.BULK)
