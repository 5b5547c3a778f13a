"""A caller that changes its mind: it cancels a request, through a process of its own that may die too."""

import asyncio
import random
from typing import Protocol

from ledger.errors import LedgerUnavailable
from ledger.memory import MemoryLedger
from tests.simulate.gate import Gate, Hindrance, ports
from tests.simulate.loop import Actor
from tests.simulate.scenario import Ask


class Ground(Hindrance, Protocol):
    """The world, as far as a caller needs it."""

    rng: random.Random
    ledger: MemoryLedger


class Caller(Actor):
    """Who cancels one request."""

    def __init__(self, world: Ground, ask: Ask) -> None:
        super().__init__(f"c{ask.request_id[1:]}")
        self._ask, self._ports = ask, ports(world.ledger, Gate(world, self))

    async def cancel(self) -> None:
        """Mark the request, then its chunks, again and again until it is answered."""
        await asyncio.sleep(self._ask.cancel_at or 0.0)
        while True:
            try:
                if await self._ports["requests"].cancel(self._ask.key):
                    await self._ports["chunks"].mark_cancelled(self._ask.key)
            except LedgerUnavailable:
                await asyncio.sleep(0.3)
            else:
                return
