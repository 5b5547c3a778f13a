"""Room for bytes in hand: its limits, its order, and who waits for whom."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.flow_control.byte_room import ByteRoom
from schemas.statuses import Lane

LIMIT = 256_000
SMALL, LARGE = 1_000, LIMIT // 8
HOLDERS = "abcde"
"""Tenants whose large things take all that the bulk lane may have."""


async def start(room: ByteRoom, size: int, lane: Lane = Lane.BULK, tenant: str = "t") -> asyncio.Task[bool]:
    """Ask for room, and return the task that waits for it."""
    task = asyncio.create_task(room.take(lane, tenant, size))
    await asyncio.sleep(0)
    return task


async def wait_until_done(task: asyncio.Task[bool]) -> bool:
    return await asyncio.wait_for(task, 5)


async def test_what_has_no_room_waits_until_room_is_given_back() -> None:
    room = ByteRoom(LIMIT)
    tasks = [await start(room, LARGE, tenant=tenant) for tenant in (*HOLDERS, "f")]
    assert [task.done() for task in tasks] == [True] * 5 + [False]
    assert room.used == 5 * LARGE
    room.give_back(Lane.BULK, "a", LARGE)
    assert await wait_until_done(tasks[5])


async def test_a_thing_larger_than_all_the_room_gets_room_and_counts_as_an_eighth() -> None:
    room = ByteRoom(LIMIT)
    assert await room.take(Lane.BULK, "t", 10 * LIMIT)
    assert room.used == LIMIT // 8
    room.give_back(Lane.BULK, "t", 10 * LIMIT)
    assert room.used == 0


async def test_a_small_thing_never_waits_for_large_ones() -> None:
    room = ByteRoom(LIMIT)
    large = [await start(room, LARGE, lane, tenant) for lane in Lane for tenant in "abcdefgh"]
    assert not all(task.done() for task in large)
    for number in range(LIMIT // 8 // SMALL):
        assert (await start(room, SMALL, Lane.BULK, f"small{number}")).done()


async def test_the_bulk_lane_leaves_room_for_large_things_of_the_express_lane() -> None:
    room = ByteRoom(LIMIT)
    for tenant in "abcdefgh":
        await start(room, 20_000, Lane.BULK, tenant)
        await start(room, 20_000, Lane.BULK, tenant)
    assert LIMIT // 2 < room.used <= LIMIT * 5 // 8
    assert (await start(room, 20_000, Lane.EXPRESS, "x")).done()


async def test_a_tenant_gets_half_of_the_room_and_the_others_do_not_wait_behind_it() -> None:
    room = ByteRoom(LIMIT)
    hostile = [await start(room, 20_000, tenant="hostile") for _ in range(50)]
    assert sum(task.done() for task in hostile) * 20_000 <= LIMIT // 2
    assert (await start(room, 20_000, tenant="good")).done()


async def test_small_things_of_a_tenant_leave_room_to_its_express_lane() -> None:
    room = ByteRoom(LIMIT)
    bulk = [await start(room, SMALL) for _ in range(LIMIT // SMALL)]
    assert not bulk[-1].done()
    assert all([(await start(room, SMALL, Lane.EXPRESS)).done() for _ in range(LIMIT // 8 // SMALL)])


async def test_small_things_of_all_tenants_leave_room_to_the_express_lane() -> None:
    room = ByteRoom(LIMIT)
    bulk = [await start(room, SMALL, tenant=str(number)) for number in range(LIMIT // SMALL)]
    assert not bulk[-1].done()
    assert (await start(room, SMALL, Lane.EXPRESS, "x")).done()


async def test_tenants_that_wait_take_turns() -> None:
    room = ByteRoom(LIMIT)
    for tenant in HOLDERS:
        await start(room, LARGE, tenant=tenant)
    order: list[str] = []
    for tenant in "xxxy":
        task = await start(room, LARGE, tenant=tenant)
        task.add_done_callback(lambda _, name=tenant: order.append(name))
    for tenant in HOLDERS:
        room.give_back(Lane.BULK, tenant, LARGE)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert order[:2] == ["x", "y"]


async def test_a_large_thing_is_not_passed_for_ever_by_less_large_ones() -> None:
    room = ByteRoom(LIMIT)
    for tenant in HOLDERS:
        await start(room, LARGE, tenant=tenant)
    room.give_back(Lane.BULK, "a", LARGE)
    await start(room, LARGE // 2, tenant="a")
    largest = await start(room, LARGE, tenant="largest")
    later = await start(room, LARGE // 4, tenant="later")
    assert not largest.done()
    assert not later.done()
    room.give_back(Lane.BULK, "b", LARGE)
    assert await wait_until_done(largest)


async def test_each_lane_goes_on_however_full_the_room_is() -> None:
    room = ByteRoom(LIMIT)
    for tenant in "abcdefgh":
        await start(room, LARGE, Lane.EXPRESS, tenant)
    assert (await start(room, LARGE, Lane.BULK, "x")).done()


async def test_a_cancelled_wait_takes_no_room() -> None:
    room = ByteRoom(LIMIT)
    held = [await start(room, LARGE, tenant=tenant) for tenant in HOLDERS]
    waiting = await start(room, LARGE, tenant="f")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    granted = await start(room, LARGE, tenant="g")
    room.give_back(Lane.BULK, "a", LARGE)
    granted.cancel()  # after it was granted, and before its task ran
    with pytest.raises(asyncio.CancelledError):
        await granted
    assert room.used == 4 * LARGE
    assert all(task.result() for task in held)


async def test_a_closed_room_ends_all_waits_without_room() -> None:
    room = ByteRoom(LIMIT)
    for tenant in HOLDERS:
        await start(room, LARGE, tenant=tenant)
    waiting = await start(room, LARGE, tenant="f")
    room.close()
    assert not await wait_until_done(waiting)
    assert not await room.take(Lane.EXPRESS, "e", 1)
    assert room.used == 5 * LARGE


@given(
    st.lists(st.tuples(st.sampled_from(Lane), st.sampled_from("abc"), st.integers(1, LIMIT)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_all_get_room_in_the_end_and_never_hold_more_than_the_limit(
    things: list[tuple[Lane, str, int]], rng: "st.Random"
) -> None:
    async def run() -> None:
        room = ByteRoom(LIMIT)
        waiting = [(thing, await start(room, thing[2], thing[0], thing[1])) for thing in things]
        while waiting:
            assert room.used <= LIMIT
            granted = [item for item in waiting if item[1].done()]
            assert granted, "all wait, and nobody has room"
            done = rng.choice(granted)
            waiting.remove(done)
            (lane, tenant, size), _ = done
            room.give_back(lane, tenant, size)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert room.used == 0

    asyncio.run(run())
