"""Runs of one seed and of many seeds."""

import contextlib
import functools
import gc
import itertools
import logging
import time
from collections.abc import Generator, Iterable, Iterator, MutableMapping
from typing import Any, NamedTuple

import structlog

from tests.simulate.actors.operators import room_for
from tests.simulate.actors.vendors import short_pauses
from tests.simulate.checks.checker import check
from tests.simulate.environment.faults import CELLS, Coverage, Fault, receipt_cell
from tests.simulate.world import World

TRIES = 60


class Failure(NamedTuple):
    """Failed seed with its errors."""

    seed: int
    findings: list[str]

    def __str__(self) -> str:
        return "\n".join((f"seed {self.seed} fails; repeat it: SEED={self.seed} make simulate", *self.findings))


def run_seed(seed: int, coverage: Coverage, trace: list[str] | None = None) -> list[str]:
    """Run the world of one seed, and return its errors."""
    world = World(seed, coverage, trace)
    with _watched(world.errors), _uncollected(), room_for(world.room), short_pauses():
        try:
            return world.run() or check(world) or world.age()
        finally:
            world.bury()


def run_seeds(seeds: Iterable[int], coverage: Coverage) -> Failure | None:
    """Run many seeds, up to the first that fails."""
    for seed in seeds:
        if findings := run_seed(seed, coverage):
            return Failure(seed, findings)
    return None


def fill(coverage: Coverage, base: int) -> Failure | None:
    """Run seeds that aim at the cells of the table that are still empty, up to the first that fails.

    Each seed aims at one cell. It may miss the cell, because its world may never pass the step.
    """
    seeds = {cell: _aiming_at(cell, base) for cell in coverage.empty()}
    for _ in range(TRIES):
        for cell in coverage.empty():
            seed = next(seeds[cell])
            if findings := run_seed(seed, coverage):
                return Failure(seed, findings)
    return None


def _aiming_at(cell: tuple[str, Fault], base: int) -> Iterator[int]:
    """Yield the seeds whose worlds aim at a cell."""
    if cell in CELLS:
        return itertools.count((base // len(CELLS) + 1) * len(CELLS) + CELLS.index(cell), len(CELLS))
    return (seed for seed in itertools.count(base) if receipt_cell(seed) == cell)


@contextlib.contextmanager
def _watched(errors: list[str]) -> Generator[None]:
    """Discard the log lines of the product, except those that report a fault of the code."""

    def keep(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
        location = event.get("location") or event.get("where")
        if location and event.get("error") != "LedgerUnavailable":
            errors.append(f"{event['event']}: {event.get('error')} at {location}")
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
    """Disable garbage collection while a world runs, because it would close objects at a different time in each run."""
    gc.disable()
    _freeze_what_was_imported()
    try:
        yield
    finally:
        gc.enable()


def stopwatch() -> float:
    """Return the clock of this machine in seconds, to measure the speed."""
    return time.perf_counter()


@functools.cache
def _freeze_what_was_imported() -> None:
    """Freeze the collected objects, so that garbage collection does not visit them after every world."""
    gc.freeze()
