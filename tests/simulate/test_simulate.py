"""Simulation of 500 new worlds and of the seeds that found a bug, and tests of the simulator."""

import asyncio
import os
import random
import secrets
import subprocess
import sys

import pytest

from tests.simulate.environment.faults import Coverage
from tests.simulate.loop import Actor, Deadlock, VirtualLoop
from tests.simulate.runs import fill, run_seed, run_seeds
from tests.simulate.seeds import REGRESSIONS

ROUNDS, SEEDS_A_ROUND = 5, 100


@pytest.fixture(scope="module")
def base() -> int:
    return secrets.randbelow(10**9)


@pytest.fixture(scope="module")
def coverage() -> Coverage:
    return Coverage()


@pytest.mark.parametrize("number", range(ROUNDS), ids=lambda number: f"seeds-{number}")
def test_all_books_agree_whatever_goes_wrong(number: int, base: int, coverage: Coverage) -> None:
    first = base + number * SEEDS_A_ROUND
    print(f"seeds {first} to {first + SEEDS_A_ROUND - 1}")  # noqa: T201  # shown if the test fails
    failure = run_seeds(range(first, first + SEEDS_A_ROUND), coverage)
    assert not failure, str(failure)


def test_no_step_is_spared_any_fault(base: int, coverage: Coverage) -> None:
    failure = fill(coverage, base + ROUNDS * SEEDS_A_ROUND)
    assert not failure, str(failure)
    assert not coverage.empty()


@pytest.mark.parametrize("seed", REGRESSIONS, ids=str)
def test_a_bug_that_was_found_stays_away(seed: int) -> None:
    assert not run_seed(seed, Coverage()), REGRESSIONS[seed]


def test_a_seed_repeats_its_run_exactly() -> None:
    for seed in (3, 4, 5):
        first, second = list[str](), list[str]()
        run_seed(seed, Coverage(), first)
        run_seed(seed, Coverage(), second)
        assert first == second
        assert len(first) > 20


def test_a_seed_repeats_its_run_in_another_process() -> None:
    traces = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulate", "--seed", "7"],
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout
        for number in (1, 2)
    ]
    assert traces[0] == traces[1]
    assert b"claim" in traces[0]


def test_time_jumps_to_the_next_timer() -> None:
    loop = VirtualLoop(random.Random(0))

    async def wait_for_an_hour() -> float:
        await asyncio.sleep(3600)
        return loop.time()

    assert loop.run(wait_for_an_hour()) == 3600


def test_the_seed_chooses_who_runs_next() -> None:
    def order(seed: int) -> str:
        loop, ran = VirtualLoop(random.Random(seed)), list[str]()

        async def say(what: str) -> None:
            ran.append(what)

        async def main() -> None:
            await asyncio.gather(*(say(what) for what in "abcd"))

        loop.run(main())
        return "".join(ran)

    assert order(1) == order(1)
    assert len({order(seed) for seed in range(50)}) > 10


def test_a_dead_actor_runs_nothing_any_more_and_a_frozen_one_later() -> None:
    loop, dead, frozen = VirtualLoop(random.Random(0)), Actor("dead"), Actor("frozen")
    ran: list[tuple[str, float]] = []

    async def act(actor: Actor) -> None:
        try:
            await asyncio.sleep(1)
        finally:
            ran.append((actor.name, loop.time()))

    async def main() -> None:
        for actor in (dead, frozen):
            loop.start(actor, act(actor))
        await asyncio.sleep(0.5)
        dead.dead = frozen.frozen = True
        await asyncio.sleep(9)
        loop.thaw(frozen)
        await asyncio.sleep(9)

    loop.run(main())
    assert ran == [("frozen", 9.5)]
    loop.bury()
    assert ran[1:] == [("dead", 18.5)]  # closed without an effect on other actors


def test_a_world_that_waits_for_nothing_is_told_so() -> None:
    loop = VirtualLoop(random.Random(0))

    async def wait_for_ever() -> None:
        await loop.create_future()

    with pytest.raises(Deadlock):
        loop.run(wait_for_ever())
    loop.bury()
