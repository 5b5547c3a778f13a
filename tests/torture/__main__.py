"""``python -m tests.torture``: real processes on a real stack, real faults, and an outside account of what was sent.

Each row of faults is run in rounds; rows.py says how one is written. What happens by chance is drawn from the seed that
is printed; which instruction a signal hits is not, so that the same seed meets the same faults, not the same moment.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from devstack import StackError, start_stack
from tests.torture.report import Found, show, write
from tests.torture.row_registry import all_rows
from tests.torture.run import LONG, SHORT, TINY, Torture

SIZES = {"tiny": TINY, "short": SHORT, "long": LONG}


def main() -> int:
    """Run, print, write; 1 when something does not hold."""
    rows = all_rows()
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--rows", default="all", help="numbers, comma-separated")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of each row; more than one makes them larger")
    parser.add_argument("--size", choices=SIZES, help="of each round; by default short, long with several rounds")
    parser.add_argument("--times", type=int, help="faults in a round, in place of the size's; over 3: outages of 60 s")
    parser.add_argument("--seed", default="", help="what a former run printed")
    parser.add_argument("--json", type=Path, default=Path("tests/torture/results/latest.json"))
    said = parser.parse_args()
    wanted = rows.values() if said.rows == "all" else [rows[int(number)] for number in said.rows.split(",")]
    size = SIZES[said.size or ("short" if said.rounds == 1 else "long")]
    size = replace(size, times=said.times or size.times)
    seed = said.seed.partition(":")[0] or secrets.token_hex(4)
    console = Console(width=170)
    console.print(f"seed: {seed}", highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="rollcall-torture-"))
    try:
        with start_stack(need_durable=True) as stack:
            torture = Torture(seed, size, stack, folder)
            plan = [(row, number) for number in range(1, said.rounds + 1) for row in wanted]
            found = [_told(asyncio.run(torture.run(row, number)), console) for row, number in plan]
    except StackError as error:
        console.print(f"torture: {error}")
        return 1
    show(found, console)
    write(found, stack.note, said.json)
    console.print(f"seed: {seed}; figures: {said.json}", highlight=False)
    return any(one.broken for one in found)


def _told(found: Found, console: Console) -> Found:
    """Say how a round went."""
    said = "holds" if found.broken is None else f"DOES NOT HOLD: {found.broken}"
    console.print(f"row {found.row.number:>2}, {found.seconds:>3.0f} s: {said}", highlight=False)
    return found


if __name__ == "__main__":
    sys.exit(main())
