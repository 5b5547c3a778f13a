"""How a request comes along: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.report.summary import Counts, by_status

_LINE_SECONDS = 5.0


class ProgressSource(Protocol):
    """How far a request is."""

    @property
    def expected(self) -> int:
        """How many recipients it has."""

    @property
    def reported(self) -> int:
        """How many of them have their outcome."""

    @property
    def counts(self) -> Counts:
        """Their outcomes by status and reason."""


class Display(Protocol):
    """Where the progress is shown."""

    def update(self, roll: ProgressSource) -> None:
        """Show how many recipients have their outcome."""

    def say(self, line: str) -> None:
        """Show a sentence."""


@contextmanager
def open_display(console: Console, total: int) -> Iterator[Display]:
    """The display that suits the console; a bar goes away at the end."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, total)


class Bar:
    """A bar that moves."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("waiting", total=total)

    def update(self, roll: ProgressSource) -> None:
        """Move it."""
        said = _said(roll) or "waiting"
        self._progress.update(self._task, total=roll.expected, completed=roll.reported, description=said)

    def say(self, line: str) -> None:
        """Print above the bar."""
        self._progress.console.print(line, soft_wrap=True)


class Lines:
    """A line every few seconds, when something has changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._at = time.monotonic()
        self._shown = 0

    def update(self, roll: ProgressSource) -> None:
        """Print a line when the last one is some seconds old."""
        if roll.reported != self._shown and time.monotonic() - self._at >= _LINE_SECONDS:
            self._at, self._shown = time.monotonic(), roll.reported
            self._console.print(f"{roll.reported:,} of {roll.expected:,}: {_said(roll)}", soft_wrap=True)

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, soft_wrap=True)


def _said(roll: ProgressSource) -> str:
    return ", ".join(f"{number:,} {status}" for status, number in by_status(roll.counts).items())
