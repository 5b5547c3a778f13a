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
        alone = await hostile.good.work(seconds)
        before = hostile.memory_mb()
        try:
            async with hostile.attacked_by([name]):
                beside = await hostile.good.work(seconds)
            unknown = len((await hostile.books()).unknown)
        except DoesNotHold as error:
            return f"{name}: {error}"
        after = hostile.memory_mb()
    return (
        f"{name}: p99 {alone.p(0.99) * 1000:.0f} ms alone, {beside.p(0.99) * 1000:.0f} ms beside, "
        f"silence {beside.silence_seconds:.2f} s, unknown {unknown}, refusals {dict(beside.refusals)}, "
        f"MB {before} -> {after}, answers {dict(hostile.counts)}"
    )


if __name__ == "__main__":
    sys.exit(main())
