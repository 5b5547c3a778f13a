"""A scenario: what one run of the bench measures, and the goals that its figures are compared with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devstack import Stack

Figures = Mapping[str, float]
"""Figures of one run by name. The name ends with the unit, such as `rollcall, requests/s`."""


class MissingPeerError(Exception):
    """Error if a program that a scenario compares with is not installed. The message says how to get it.

    `figures` are those of the other sides, if they were measured.
    """

    def __init__(self, message: str, figures: Figures | None = None) -> None:
        super().__init__(message)
        self.figures: Figures = figures or {}


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a scenario."""

    number: int
    """What the scenario counts: requests, recipients or calls in one run."""
    runs: int


@dataclass(frozen=True, slots=True)
class Goal:
    """Bound of one figure. The median of all runs is compared with it."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, median: float) -> bool:
        """Return whether the median is within the bound."""
        return median >= self.at_least if self.at_least is not None else median <= (self.at_most or 0.0)

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Place:
    """Place where a run happens."""

    stack: Stack
    folder: Path
    number: int
    """Number of the run, from 1."""
    name: str
    """Prefix of topics and databases, different for each scenario and run."""

    @property
    def is_odd(self) -> bool:
        """Return whether the first side goes first in this run. The sides take turns."""
        return self.number % 2 == 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """Scenario of the bench."""

    title: str
    about: str
    """One sentence: who does what, and what is measured."""
    quick: Size
    full: Size
    run: Callable[[Place, int], Figures]
    """One run of all sides. Raise MissingPeerError, or StackError if something ended or took too long."""
    goals: Sequence[Goal] = ()
    needs_durable_stack: bool = True


@dataclass(slots=True)
class Result:
    """Figures of all runs of one scenario."""

    name: str
    scenario: Scenario
    size: int
    runs: list[Figures] = field(default_factory=list)
    missing: str | None = None
    """What a peer lacks, if the scenario was left out or had to leave it out."""

    def values(self, figure: str) -> list[float]:
        """Return a figure of each run that has it."""
        return [run[figure] for run in self.runs if figure in run]

    @property
    def figures(self) -> list[str]:
        """Return the names of all figures, in the order of their first appearance."""
        return list(dict.fromkeys(name for run in self.runs for name in run))
