"""Command ``python -m bench``: runs scenarios on one stack, prints tables, and writes JSON and pictures.

Each file of bench/scenarios is a scenario. The sides of a scenario take turns within each run. Without a name, all
scenarios run in a small size. A scenario that is named runs in its full size.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench.picture import readable
from bench.results import show, write
from bench.scenario import MissingPeerError, Place, Result, Size
from bench.scenarios import load, names
from devstack import Stack, StackError, start_stack


def main() -> int:
    """Run the scenarios. Return the exit code: 1 if a scenario could not be measured. No time fails the bench."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=f"one of: {', '.join(names())}")
    parser.add_argument("--quick", action="store_true", help="the small size also for scenarios that are named")
    parser.add_argument("--runs", type=int, help="number of runs")
    parser.add_argument("--number", type=int, help="requests, recipients or calls in a run")
    parser.add_argument("--out", type=Path, default=Path("bench/results"), help="folder for JSON and pictures")
    options = parser.parse_args()
    if unknown := set(options.scenarios) - set(names()):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. There are: {', '.join(names())}")
    console, failed = Console(width=140), False
    for name in options.scenarios or names():
        scenario = load(name)
        size = scenario.quick if options.quick or not options.scenarios else scenario.full
        size = Size(options.number or size.number, options.runs or size.runs)
        try:
            stack_note, result = measure(name, size, console)
        except StackError as error:
            console.print(f"{name}: {error}")
            failed = True
            continue
        show(result, console)
        if result.runs:
            console.print(f"figures: {write(result, stack_note, options.out)}")
    return int(failed)


def measure(name: str, size: Size, console: Console) -> tuple[str, Result]:
    """Run one scenario on a new stack. Return what the stack is, and the figures."""
    scenario = load(name)
    result = Result(name, scenario, size.number)
    console.rule(f"{name}: {scenario.title}")
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder,
        start_stack(need_durable=scenario.needs_durable_stack) as stack,
    ):
        for number in range(1, size.runs + 1):
            began = time.monotonic()
            try:
                result.runs.append(scenario.run(place(stack, Path(folder), name, number), size.number))
            except MissingPeerError as error:
                result.missing = str(error)
                if not error.figures:
                    break
                result.runs.append(error.figures)
            said = ", ".join(f"{figure} {readable(value)}" for figure, value in result.runs[-1].items())
            console.print(f"run {number} ({time.monotonic() - began:.0f} s): {said}", soft_wrap=True)
        return stack.note, result


def place(stack: Stack, folder: Path, name: str, number: int) -> Place:
    """Return the place of one run, with a folder of its own."""
    own = folder / f"run-{number}"
    own.mkdir()
    return Place(stack, own, number, f"bench-{name.replace('_', '-')}-{number}")


if __name__ == "__main__":
    sys.exit(main())
