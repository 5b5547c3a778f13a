"""Table, JSON and picture of the figures of a scenario."""

import os
import platform
import statistics
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.picture import draw, readable
from bench.scenario import Result

_PACKAGES = ("aiokafka", "faststream", "motor", "pymongo", "pydantic", "fastapi", "uvicorn", "uvloop")


def show(result: Result, console: Console) -> None:
    """Print the table: each figure with its median, its spread, and its goal."""
    if result.missing:
        console.print(f"{result.name}: {result.missing}", markup=False)
    if not result.runs:
        return
    table = Table(title=f"{result.scenario.title}: {result.size:,}, runs: {len(result.runs)}")
    for title in ("figure", "median", "min-max", "goal", ""):
        table.add_column(title, justify="left" if title in ("figure", "") else "right")
    for row in rows(result):
        spread = f"{readable(row['min'])}-{readable(row['max'])}"
        verdict = "" if row["holds"] is None else ("holds" if row["holds"] else "MISSED")
        table.add_row(str(row["figure"]), readable(row["median"]), spread, row["goal"] or "", verdict)
    console.print(table)


def rows(result: Result) -> list[dict[str, Any]]:
    """Return a row for each figure: median, minimum, maximum, goal and whether the median is within it."""
    goals = {goal.figure: goal for goal in result.scenario.goals}
    found = []
    for figure in result.figures:
        values = result.values(figure)
        median, goal = statistics.median(values), goals.get(figure)
        found.append(
            {
                "figure": figure,
                "median": median,
                "min": min(values),
                "max": max(values),
                "goal": str(goal) if goal else None,
                "holds": goal.holds(median) if goal else None,
            }
        )
    return found


def write(result: Result, stack: str, folder: Path) -> Path:
    """Write the JSON and the picture. Return the path of the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "scenario": result.name,
        "title": result.scenario.title,
        "about": result.scenario.about,
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _commit(),
        "machine": {
            "cpus": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        "stack": stack,
        "number": result.size,
        "missing": result.missing,
        "figures": rows(result),
        "runs": result.runs,
    }
    path = folder / f"{result.name}.json"
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    (folder / f"{result.name}.svg").write_text(draw(result.scenario.title, rows(result)))
    return path


def _commit() -> str | None:
    """Return the commit of the working tree, with a mark if it was changed since."""
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
