"""Runs of many seeds, and of one."""

import contextlib
import functools
import gc
import logging
import time
from collections.abc import Generator, Iterable, MutableMapping
from typing import Any, NamedTuple

import structlog

from tests.simulate.actors.operators import room_for
from tests.simulate.checks.checker import check
from tests.simulate.environment.faults import CELLS, Coverage
from tests.simulate.world import World

TRIES = 60


class Failure(NamedTuple):
    """A seed that failed, and why."""

    seed: int
    findings: list[str]

    def __str__(self) -> str:
        return "\n".join((f"seed {self.seed} fails; repeat it: SEED={self.seed} make simulate", *self.findings))


def run_seed(seed: int, coverage: Coverage, trace: list[str] | None = None) -> list[str]:
    """Run the world of one seed; what was wrong with it."""
    world = World(seed, coverage, trace)
    with _watched(world.errors), _uncollected(), room_for(world.room):
        try:
            return world.run() or check(world) or world.age()
        finally:
            world.bury()


def run_seeds(seeds: Iterable[int], coverage: Coverage) -> Failure | None:
    """Run many, up to the first that fails."""
    for seed in seeds:
        if findings := run_seed(seed, coverage):
            return Failure(seed, findings)
    return None


def fill(coverage: Coverage, base: int) -> Failure | None:
    """Run seeds that aim at the cells of the table that are still empty, up to the first that fails.

    Each seed aims at one cell, and now and then nothing comes of it: the step has to be passed at all.
    """
    first = (base // len(CELLS) + 1) * len(CELLS)
    for again in range(TRIES):
        for cell in coverage.empty():
            seed = first + again * len(CELLS) + CELLS.index(cell)
            if findings := run_seed(seed, coverage):
                return Failure(seed, findings)
    return None


@contextlib.contextmanager
def _watched(errors: list[str]) -> Generator[None]:
    """The product's log lines go nowhere; those that tell of a fault of the code are kept."""

    def keep(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
        if "where" in event and event.get("error") != "LedgerUnavailable":
            errors.append(f"{event['event']}: {event.get('error')} at {event['where']}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


@contextlib.contextmanager
def _uncollected() -> Generator[None]:
    """No garbage is looked for while a world runs: what that closes would come at another moment each time."""
    gc.disable()
    _freeze_what_was_imported()
    try:
        yield
    finally:
        gc.enable()


def stopwatch() -> float:
    """Seconds of this machine, for the speed alone."""
    return time.perf_counter()


@functools.cache
def _freeze_what_was_imported() -> None:
    """It is not walked again after every world; counting what is frozen would walk it."""
    gc.freeze()
