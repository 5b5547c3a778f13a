"""Simulation of thousands of worlds with faults, each checked against independent observations: `make simulate`.

The real code of consumer/ runs in several simulated processes on the in-memory ledger, bus and providers,
under a clock that jumps and a scheduler that a seed drives. Every call of a process to the world passes a gate
(`gate.py`), where it may be killed before or after the effect, lose the answer, or be frozen past its lease;
`disruptions.py` adds faults at any time. `scenario.py` draws the requests. `checker.py` compares the observations with
ledger and events afterwards, and `observations.py` checks what must hold at every step.

    make simulate                  1,000 seeds from a random base, and the table of steps and faults
    make simulate SEEDS=20000      more of them
    SEED=17 make simulate          one seed again, with every step of it

Exit code 1: a seed failed, or a cell of the table stayed empty.
"""

import argparse
import secrets
import sys
import time

from tests.simulate.environment.faults import CELLS, RECEIPT_CELLS, Coverage
from tests.simulate.runs import Failure, fill, run_seed, run_seeds

ENOUGH = 4 * len(CELLS + RECEIPT_CELLS)
"""Number of seeds from which on no cell of the table may stay empty. The last seeds aim at empty cells."""


def main() -> int:
    """Run the command line."""
    asked = _arguments()
    if asked.seed is not None:
        return _one(asked.seed)
    base = asked.base if asked.base is not None else secrets.randbelow(10**9)
    if not asked.quiet:
        print(f"seeds {base} to {base + asked.seeds - 1}")
    coverage, began = Coverage(), time.monotonic()
    failure = run_seeds(range(base, base + asked.seeds), coverage)
    minutes = (time.monotonic() - began) / 60
    if not failure and asked.seeds >= ENOUGH:
        failure = fill(coverage, base + asked.seeds)
    if failure:
        print(failure)
        return 1
    if asked.quiet:
        return 0
    print(coverage.table())
    print(f"{asked.seeds} seeds, none failed; {asked.seeds / minutes:.0f} seeds a minute")
    if asked.seeds >= ENOUGH and (empty := coverage.empty()):
        print("never hit:", ", ".join(f"{step} {fault.value}" for step, fault in empty))
        return 1
    return 0


def _one(seed: int) -> int:
    trace: list[str] = []
    findings = run_seed(seed, Coverage(), trace)
    print("\n".join(trace))
    print(Failure(seed, findings) if findings else f"seed {seed}: all books agree")
    return 1 if findings else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--base", type=int, help="the first of them; by default a random one")
    parser.add_argument("--seed", type=int, help="this one alone, with its trace")
    parser.add_argument("--quiet", action="store_true", help="say nothing but the first failure")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
