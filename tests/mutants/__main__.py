"""Runs the mutants: `python -m tests.mutants`."""

import argparse
import secrets
import subprocess
import sys
import time
from typing import NamedTuple

import tests.mutants as package
from tests.mutants.copies import Stale, copy_with, run_in
from tests.mutants.mutants import MUTANTS, Mutant

SECONDS = 900.0
"""How long one run of a harness may take."""


class Run(NamedTuple):
    """What a harness said of a copy."""

    caught: bool
    said: str
    seconds: float


def main() -> int:
    """0: every mutant was caught, and the product was not."""
    parser = argparse.ArgumentParser(description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=600, help="how many the simulator may need for a mutant")
    parser.add_argument("--base", type=int, default=secrets.randbelow(10**6), help="the first of them")
    parser.add_argument("--only", choices=[mutant.name for mutant in MUTANTS])
    parser.add_argument("--real", action="store_true", help="against real processes too")
    args = parser.parse_args()
    print(f"seeds from {args.base}, at most {args.seeds} for a mutant")
    unchanged = _simulate(None, args.seeds, args.base)
    good = not unchanged.caught
    print(
        f"{'(unchanged)':32} simulated: {'FOUND: ' if unchanged.caught else 'nothing found '}{unchanged.said}",
        flush=True,
    )
    for mutant in MUTANTS:
        if args.only in (None, mutant.name):
            good = _try(mutant, args) and good
    return int(not good)


def _try(mutant: Mutant, args: argparse.Namespace) -> bool:
    try:
        if mutant.test:
            runs = {"a test": _test(mutant, mutant.test)}
        else:
            runs = {"simulated": _simulate(mutant, args.seeds, args.base)}
        if args.real and mutant.row is not None:
            runs["real"] = _torture(mutant, mutant.row)
    except Stale as stale:
        print(f"{mutant.name:32} STALE: {stale}", flush=True)
        return False
    for harness, run in runs.items():
        found = f"caught, {run.said}" if run.caught else f"NOT CAUGHT: {mutant.meaning}"
        print(f"{mutant.name:32} {harness}: {found} ({run.seconds:.0f} s)", flush=True)
    return all(run.caught for run in runs.values())


def _simulate(mutant: Mutant | None, seeds: int, base: int) -> Run:
    return _run(mutant, "tests.simulate", "--seeds", str(seeds), "--base", str(base), "--quiet")


def _test(mutant: Mutant, path: str) -> Run:
    options = ("-q", "-x", "-c", "/dev/null", "--rootdir", ".", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider")
    return _run(mutant, "pytest", path, *options, "--import-mode=importlib", "-k", "not mongo")


def _torture(mutant: Mutant, row: int) -> Run:
    return _run(mutant, "tests.torture", "--rows", str(row), "--json", "torture.json")


def _run(mutant: Mutant | None, module: str, *arguments: str) -> Run:
    began = time.monotonic()
    with copy_with(mutant.edits if mutant else ()) as folder:
        try:
            done = run_in(folder, module, *arguments, seconds=SECONDS)
        except subprocess.TimeoutExpired:
            return Run(caught=False, said="it did not end", seconds=SECONDS)
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise RuntimeError(f"{module} broke:\n{done.stderr[-2000:]}")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    wrong = [line for line in lines if "seed" in line.lower() or "NOT HOLD" in line or line.startswith("FAILED")]
    said = (wrong or lines or [""])[0]
    return Run(caught=done.returncode == 1, said=said[:120], seconds=time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
