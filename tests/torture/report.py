"""What was found, as a table and as JSON."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from tests.torture.reconciliation import Reconciliation
from tests.torture.row_registry import Row

_FIGURES = ("requests", "requested", "accepted", "lost", "duplicated", "unknown", "unreported", "faults")


@dataclass(frozen=True)
class Found:
    """One round of one row."""

    row: Row
    round_number: int
    seed: str
    seconds: float
    books: Reconciliation | None
    broken: str | None
    """Why it does not hold."""

    def figures(self) -> dict[str, int]:
        """By name; a set by its size. Empty where the round ended before its books were made."""
        if self.books is None:
            return {}
        found = {name: getattr(self.books, name) for name in _FIGURES}
        counted = {"duplicated": self.books.duplicated.total()}
        return {name: value if isinstance(value, int) else len(value) for name, value in found.items()} | counted

    def document(self) -> dict[str, Any]:
        """As it is written."""
        return {
            "row": self.row.number,
            "fault": self.row.fault,
            "must_hold": self.row.must_hold,
            "round": self.round_number,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "holds": self.broken is None,
            "broken": self.broken,
            "figures": self.figures(),
            "by_status": dict(self.books.by_status) if self.books else {},
            "in_doubt": len(self.books.doubts) if self.books else 0,
            "notes": self.books.notes if self.books else [],
        }


def show(found: Sequence[Found], console: Console) -> None:
    """Print the table, and what does not hold."""
    table = Table(title="the same faults and traffic again: --rows N --seed S, the seed without what follows its colon")
    for name in ("row", "fault", "in doubt", *_FIGURES, "s", "holds"):
        table.add_column(name, justify="left" if name in {"fault", "holds"} else "right", max_width=44)
    for one in found:
        figures = [f"{one.figures()[name]:,}" if one.books else "" for name in _FIGURES]
        doubt = f"{len(one.books.doubts):,}" if one.books else ""
        holds = "yes" if one.broken is None else "NO"
        table.add_row(str(one.row.number), one.row.fault, doubt, *figures, f"{one.seconds:.0f}", holds)
    console.print(table)
    for one in found:
        for note in one.books.notes if one.books else ():
            console.print(f"row {one.row.number}: {note}", highlight=False)
    for one in found:
        if one.broken:
            console.print(f"row {one.row.number}, seed {one.seed}, does not hold: {one.broken}", highlight=False)


def write(found: Sequence[Found], stack: str, path: Path) -> None:
    """Write everything that was found."""
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"machine": machine, "stack": stack, "rounds": [one.document() for one in found]}
    path.write_bytes(orjson.dumps(said, option=orjson.OPT_INDENT_2))
