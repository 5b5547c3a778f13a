"""Work of callers takes a bounded part of each turn of the event loop."""

import asyncio
import threading
import time
from itertools import pairwise

import pytest

from config.turn_budget import HEAVY, LIGHT, QUICK, TURN_SECONDS, TurnBudget


class Cpu:
    """CPU time that passes only by work."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def turns_of(pieces: int, seconds: float) -> list[tuple[int, int]]:
    """Start pieces of work at once. Return the turn of the loop in which each one ran, and its number, in order."""
    cpu, turn, ran = Cpu(), 0, []
    budget = TurnBudget(cpu)

    async def run(number: int) -> None:
        def work() -> None:
            cpu.seconds += seconds
            ran.append((turn, number))

        await budget.run(work, LIGHT)

    tasks = [asyncio.create_task(run(number)) for number in range(pieces)]
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        turn += 1
    return ran


async def test_small_pieces_run_in_one_turn() -> None:
    assert {turn for turn, _ in await turns_of(10, TURN_SECONDS / 20)} == {0}


async def test_no_piece_begins_in_a_turn_without_time_and_those_who_wait_go_on_in_order() -> None:
    ran = await turns_of(10, TURN_SECONDS)

    assert len({turn for turn, _ in ran}) == 10
    assert [number for _, number in ran] == list(range(10))


async def test_light_pieces_are_done_without_a_look_at_the_clock_until_they_amount_to_a_longer_text() -> None:
    looks = 0

    def look() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    budget = TurnBudget(look)
    for _ in range(100):
        await budget.run(lambda: None, LIGHT // 10)

    assert 10 <= looks <= 20


async def test_one_that_no_longer_waits_holds_nobody_up() -> None:
    cpu = Cpu()
    budget = TurnBudget(cpu)
    await budget.wait()
    cpu.seconds += TURN_SECONDS
    gone, other = asyncio.create_task(budget.wait()), asyncio.create_task(budget.wait())
    await asyncio.sleep(0)

    gone.cancel()

    await other


async def test_a_quick_piece_passes_all_others_that_wait_and_stops_none_of_them() -> None:
    cpu, ran = Cpu(), []
    budget = TurnBudget(cpu)

    async def run(weight: int) -> None:
        def work() -> None:
            cpu.seconds += TURN_SECONDS
            ran.append(weight)

        await budget.run(work, weight)

    await run(LIGHT)
    others = [asyncio.create_task(run(LIGHT)) for _ in range(10)]
    await asyncio.sleep(0)
    quick = [asyncio.create_task(run(QUICK)) for _ in range(10)]
    await asyncio.gather(*others, *quick)

    assert ran.index(QUICK) <= 2
    assert ran[:13].count(LIGHT) >= 3
    assert ran.count(LIGHT) == 11


async def test_heavy_work_leaves_the_loop() -> None:
    budget, loop_thread = TurnBudget(), threading.get_ident()

    assert await budget.run(threading.get_ident, HEAVY) == loop_thread
    assert await budget.run(threading.get_ident, HEAVY + 1) != loop_thread


async def test_heavy_work_rests_for_its_cpu_time_before_the_next_piece() -> None:
    budget, spans = TurnBudget(), list[tuple[float, float]]()

    def work() -> None:
        began_at, ends_at = time.monotonic(), time.thread_time() + 0.03
        while time.thread_time() < ends_at:
            pass
        spans.append((began_at, time.monotonic()))

    await asyncio.gather(*(budget.run(work, HEAVY + 1) for _ in range(3)))

    for (_, ended_at), (next_began_at, _) in pairwise(spans):
        assert next_began_at - ended_at >= 0.025


async def test_an_error_of_the_work_is_raised() -> None:
    def fail() -> None:
        raise ValueError

    for weight in (1, HEAVY + 1):
        with pytest.raises(ValueError, match=r"^$"):
            await TurnBudget().run(fail, weight)
