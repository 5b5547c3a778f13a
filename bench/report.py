"""Report of the figures, as a table and as JSON."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from bench.measure import Run
from bench.memory import Peak
from bench.sides import SIDES


def rates(runs: Sequence[Run], side: str) -> list[float]:
    """Return recipients per second of one side, run by run."""
    return [run.rate for run in runs if run.side == side]


def ratios(runs: Sequence[Run]) -> list[float]:
    """Return product divided by ceiling, run by run. Both of a run had the machine in nearly the same state."""
    return [product / ceiling for product, ceiling in zip(*(rates(runs, side) for side in SIDES), strict=True)]


def show(runs: Sequence[Run], console: Console) -> None:
    """Print the table."""
    table = Table(title=f"recipients/s, {runs[0].recipients:,} recipients per run")
    numbers = sorted({run.number for run in runs})
    for title in ("", *(f"run {number}" for number in numbers), "median", "min-max", "peak RSS", "CPU, µs each"):
        table.add_column(title, justify="right" if title else "left")
    for side in SIDES:
        own = [run for run in runs if run.side == side]
        found = rates(runs, side)
        each = statistics.median(run.cpu_seconds / run.recipients * 1e6 for run in own)
        table.add_row(
            side,
            *(f"{rate:,.0f}" for rate in found),
            f"{statistics.median(found):,.0f}",
            f"{min(found):,.0f}-{max(found):,.0f}",
            f"{max(run.peak_mib for run in own):,.0f} MiB",
            f"{each:.0f}",
        )
    found = ratios(runs)
    spread = f"{min(found):.2f}-{max(found):.2f}"
    table.add_row("ratio", *(f"{ratio:.2f}" for ratio in found), f"{statistics.median(found):.2f}", spread, "", "")
    console.print(table)


def write(runs: Sequence[Run], peaks: Sequence[Peak], stack: str, partitions: int, path: Path) -> None:
    """Write all figures to a file."""
    medians = {side: statistics.median(rates(runs, side)) for side in SIDES}
    found = {
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "stack": stack,
        "partitions": partitions,
        "runs": [{**asdict(run), "recipients_per_second": run.rate} for run in runs],
        "median_recipients_per_second": medians,
        "memory": [asdict(peak) for peak in peaks],
        "ratio": {"median": statistics.median(ratios(runs)), "min": min(ratios(runs)), "max": max(ratios(runs))},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
