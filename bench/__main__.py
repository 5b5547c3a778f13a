"""``python -m bench``: the product against its ceiling, alternating, on one stack; then what each process weighs."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.measure import measure
from bench.memory import show as show_weights
from bench.memory import weigh
from bench.report import show, write
from bench.sides import SIDES, Side
from devstack import StackError, start_stack


def main() -> int:
    """Measure, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--recipients", type=int, default=50_000, help="recipients a run")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side")
    parser.add_argument("--partitions", type=int, default=12, help="partitions a topic")
    parser.add_argument("--send", type=int, default=1_000_000, help="recipients of the `rollcall send` that is weighed")
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"), help="where the figures go")
    said = parser.parse_args()
    console = Console(width=120)
    try:
        with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, start_stack() as stack:
            sides = [Side(name, stack, Path(folder), said.partitions) for name in SIDES]
            runs = []
            for number in range(1, said.runs + 1):
                for side in sides:
                    runs.append(measure(side, number, said.recipients))
                    console.print(f"run {number}: {side.name:<8} {runs[-1].rate:>8,.0f} recipients/s")
            show(runs, console)
            weights = weigh(stack, Path(folder), runs, said.send)
            show_weights(weights, console)
            write(runs, weights, stack.note, said.partitions, said.json)
    except StackError as error:
        console.print(f"bench: {error}")
        return 1
    console.print(f"figures: {said.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
