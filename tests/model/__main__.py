"""Command line of the model checker: `python -m tests.model`."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor

import tests.model as package
from tests.model.check import Verdict, check
from tests.model.flaws import HOLES
from tests.model.graphs import FLAWS, GRAPHS

LIMIT = 4_000_000


def run(config: str, flaws: str = "", limit: int = LIMIT) -> Verdict:
    """Search one configuration."""
    return check(GRAPHS[config](tuple(flaws.split("+")) if flaws else ()), limit)


def _line(name: str, verdict: Verdict) -> str:
    found = verdict.complaint or ("nothing found" if verdict.ended else "NOTHING FOUND, BUT NOT ENDED")
    return f"  {name:28} {verdict.states:>9,} states {verdict.seconds:6.1f} s   {found}"


def _show(verdict: Verdict) -> None:
    for number, step in enumerate(verdict.trace, 1):
        print(f"      {number:2} {step}")


def _broken(flaws: dict[str, tuple[str, str]], args: argparse.Namespace, pool: ProcessPoolExecutor) -> bool:
    """Return whether each flaw is caught."""
    jobs = {flaw: pool.submit(run, where, flaw, args.limit) for flaw, (_, where) in flaws.items()}
    caught = True
    for flaw, (meaning, where) in flaws.items():
        verdict = jobs[flaw].result()
        print(f"{flaw}: {meaning}\n{_line(where, verdict)}", flush=True)
        if args.traces:
            _show(verdict)
        if verdict.complaint is None:
            caught = False
            print("  NOT CAUGHT: the model is too weak")
    return caught


def _sound(names: list[str], args: argparse.Namespace, pool: ProcessPoolExecutor) -> bool:
    """Return whether there is no complaint."""
    jobs = {name: pool.submit(run, name, args.flaw or "", args.limit) for name in names}
    sound, states = True, 0
    for name, job in jobs.items():
        verdict = job.result()
        states += verdict.states
        print(_line(name, verdict), flush=True)
        _show(verdict)
        sound = sound and verdict.ended and verdict.complaint is None
    print(f"{len(names)} configurations, {states:,} states")
    return sound


def main() -> int:
    """Return the exit code, which is 0 if all results are as expected."""
    parser = argparse.ArgumentParser(description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=GRAPHS)
    parser.add_argument("--flaw", help="names of flaws, joined by +")
    parser.add_argument("--mutations", action="store_true")
    parser.add_argument("--holes", action="store_true")
    parser.add_argument("--all", action="store_true", help="configurations, mutations and holes")
    parser.add_argument("--traces", action="store_true")
    parser.add_argument("--limit", type=int, default=LIMIT)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    good = True
    with ProcessPoolExecutor(args.jobs) as pool:
        if args.mutations or args.all:
            good = _broken(FLAWS, args, pool)
        if args.holes or args.all:
            good = _broken(HOLES, args, pool) and good
        if args.all or not (args.mutations or args.holes):
            good = _sound([args.config] if args.config else list(GRAPHS), args, pool) and good
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
