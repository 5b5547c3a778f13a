"""Progress of a request: a bar on a terminal, and a line every few seconds elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from typing_extensions import override

from cli.report.summary import Counts, by_status

_LINE_SECONDS = 5.0


class ProgressSource(Protocol):
    """Port for the progress of a request."""

    @property
    def expected(self) -> int:
        """Return the number of recipients."""

    @property
    def reported(self) -> int:
        """Return the number of recipients that have an outcome."""

    @property
    def counts(self) -> Counts:
        """Return the outcomes by status and reason."""


class Display(Protocol):
    """Port for the output of progress."""

    def update(self, source: ProgressSource) -> None:
        """Show the number of recipients that have an outcome."""

    def print_line(self, line: str) -> None:
        """Print a line."""


@contextmanager
def open_display(console: Console, total: int) -> Iterator[Display]:
    """Open the display that fits the console. A bar disappears at the end."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, total)


class Bar(Display):
    """Progress bar on a terminal."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("waiting", total=total)

    @override
    def update(self, source: ProgressSource) -> None:
        description = _describe_counts(source) or "waiting"
        self._progress.update(self._task, total=source.expected, completed=source.reported, description=description)

    @override
    def print_line(self, line: str) -> None:
        self._progress.console.print(line, soft_wrap=True)


class Lines(Display):
    """A line every few seconds if the progress has changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._at = time.monotonic()
        self._shown = 0

    @override
    def update(self, source: ProgressSource) -> None:
        if source.reported != self._shown and time.monotonic() - self._at >= _LINE_SECONDS:
            self._at, self._shown = time.monotonic(), source.reported
            self._console.print(
                f"{source.reported:,} of {source.expected:,}: {_describe_counts(source)}", soft_wrap=True
            )

    @override
    def print_line(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


def _describe_counts(source: ProgressSource) -> str:
    return ", ".join(f"{number:,} {status}" for status, number in by_status(source.counts).items())
