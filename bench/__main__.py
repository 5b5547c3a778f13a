"""Command ``python -m bench``: throughput of the product and its ceiling on one stack, and memory of each process."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.measure import measure
from bench.memory import measure_peaks
from bench.memory import show as show_peaks
from bench.report import show, write
from bench.sides import SIDES, Side
from devstack import StackError, start_stack


def main() -> int:
    """Measure, print and write the figures. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--recipients", type=int, default=50_000, help="recipients per run")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side")
    parser.add_argument("--partitions", type=int, default=12, help="partitions per topic")
    parser.add_argument(
        "--send", type=int, default=1_000_000, help="recipients of the `rollcall send` whose memory is measured"
    )
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"), help="file for the figures")
    options = parser.parse_args()
    console = Console(width=120)
    try:
        with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, start_stack() as stack:
            sides = [Side(name, stack, Path(folder), options.partitions) for name in SIDES]
            runs = []
            for number in range(1, options.runs + 1):
                for side in sides:
                    runs.append(measure(side, number, options.recipients))
                    console.print(f"run {number}: {side.name:<8} {runs[-1].rate:>8,.0f} recipients/s")
            show(runs, console)
            peaks = measure_peaks(stack, Path(folder), runs, options.send)
            show_peaks(peaks, console)
            write(runs, peaks, stack.note, options.partitions, options.json)
    except StackError as error:
        console.print(f"bench: {error}")
        return 1
    console.print(f"figures: {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
