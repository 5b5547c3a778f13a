"""``python -m tests.torture.attacks URL SEED NAME...``: these attacks until SIGTERM; the answers as JSON at the end.

It runs with the lowest priority, as if it had a machine of its own: what it costs the services counts, not what it
costs itself.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys

from tests.support.polling import wait_until
from tests.torture.attacks.all_attacks import ATTACKS
from tests.torture.attacks.hostile_tenant import ATTACKING, COUNTS, EACH_MADE, Attack, HostileTenant

LOWEST_PRIORITY = 19


async def main(url: str, seed: str, names: list[str]) -> None:
    hostile = HostileTenant(url, os.environ, random.Random(seed))
    tasks = [asyncio.create_task(_repeat(hostile.doing(name), ATTACKS[name])) for name in names]
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    print(ATTACKING, flush=True)
    await wait_until(lambda: all(any(key.startswith(f"{name} ") for key in hostile.counts) for name in names), 600)
    print(EACH_MADE, flush=True)
    await stopping.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(COUNTS + json.dumps(hostile.counts), flush=True)


async def _repeat(hostile: HostileTenant, attack: Attack) -> None:
    while True:
        try:
            await attack.bout(hostile)
        except Exception as error:  # noqa: BLE001  # a service may end a connection in any way, and the attack goes on
            hostile.count(type(error).__name__)
        await asyncio.sleep(attack.pause_seconds)


if __name__ == "__main__":
    os.nice(LOWEST_PRIORITY)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
