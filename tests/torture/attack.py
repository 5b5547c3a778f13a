"""``python -m tests.torture.attack [NAME...]``: what each attack costs a good tenant, one after the other.

Each attack has its own services, with the default settings. The good tenant works alone first, then beside the attack.
Without a name, all attacks are measured.
"""

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from devstack import Stack, start_stack
from tests.torture.attacks.all_attacks import ATTACKS
from tests.torture.attacks.beside import hostile_world
from tests.torture.reconciliation import DoesNotHold
from tests.torture.world import Round


def main() -> int:
    """Measure the attacks and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.attack", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)}")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the good tenant's work, alone and beside")
    said = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rollcall-attack-"))
    console = Console(width=170)
    with start_stack(need_durable=True) as stack:
        for name in said.names or ATTACKS:
            (folder / name).mkdir()
            console.print(asyncio.run(_measure(name, stack, folder / name, said.seconds)), highlight=False)
    return 0


async def _measure(name: str, stack: Stack, folder: Path, seconds: float) -> str:
    round_ = Round(1, stack, folder, random.Random(secrets.token_hex(4)), 0, 1, 0)
    async with hostile_world(round_) as hostile:
        began = hostile.cpu_seconds()
        alone = await hostile.good.work(seconds)
        attacked = hostile.cpu_seconds()
        try:
            async with hostile.attacked_by([name]):
                beside = await hostile.good.work(seconds)
            ended, memory = hostile.cpu_seconds(), hostile.memory_mb()
            unknown = len((await hostile.books()).unknown)
        except DoesNotHold as error:
            return f"{name}: {error}"
    return (
        f"{name}: p99 {alone.p(0.99) * 1000:.0f} ms alone, {beside.p(0.99) * 1000:.0f} ms beside, "
        f"silence {alone.silence_seconds:.2f} s alone, {beside.silence_seconds:.2f} s beside, unknown {unknown}, "
        f"refusals {dict(beside.refusals)}, CPU s alone {_less(attacked, began)}, beside {_less(ended, attacked)}, "
        f"MB {memory}, answers {dict(hostile.counts)}"
    )


def _less(later: dict[str, float], earlier: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds - earlier[name], 1) for name, seconds in later.items()}


if __name__ == "__main__":
    sys.exit(main())
