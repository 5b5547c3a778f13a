"""The rows of faults, and how one is written.

A row is one function that ruins something while requests are under way, and returns the books of what became of them:

    @row(3, "rolling SIGTERM of all consumers", "lost 0, duplicates 0, unknown 0")
    async def rolling_sigterm(round_: Round) -> Reconciliation:
        async with round_.world(LEASE_SECONDS=5) as world:          # topics, database, provider, reader of the results
            await world.consumers(2)                                # started, and waited for until ready
            await world.publish(*world.orders(round_.recipients))   # seeded requests, both lanes, both policies
            ...                                                     # the fault, `round_.times` times
            await world.settled()                                   # every request is completed, or DoesNotHold
            books = await world.books()                             # the four lists, compared
            books.hold(duplicated=0, unknown=0)                     # or DoesNotHold, with what differs
            return books

It stands in a file `rows/<group>.py`, which is found by its name. What happens by chance is drawn from `round_.rng`.
Servers of its own (to be killed) are handed to `round_.world(stack=…)`. Its `Reconciliation` always holds that nothing
is lost, denied, unreported or strange; only what a row allows beyond that is named in `hold`.
"""

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.torture.reconciliation import Reconciliation
from tests.torture.world import Round


@dataclass(frozen=True)
class Row:
    """One fault, and what must hold under it."""

    number: int
    fault: str
    must_hold: str
    run: Callable[[Round], Awaitable[Reconciliation]]


_ROWS: dict[int, Row] = {}


def row(number: int, fault: str, must_hold: str) -> Callable[[Callable[[Round], Awaitable[Reconciliation]]], Row]:
    """Make a row of a function."""

    def registered(run: Callable[[Round], Awaitable[Reconciliation]]) -> Row:
        if number in _ROWS:
            raise ValueError(f"two rows have the number {number}")
        found = _ROWS[number] = Row(number, fault, must_hold, run)
        return found

    return registered


def all_rows() -> dict[int, Row]:
    """Every row, by its number."""
    for path in sorted((Path(__file__).parent / "rows").glob("*.py")):
        importlib.import_module(f"tests.torture.rows.{path.stem}")
    return dict(sorted(_ROWS.items()))
