"""Caller that cancels, pauses and resumes a request, through a process that may die too."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from core.ids import RequestKey
from ledger.errors import LedgerUnavailable
from ledger.memory import MemoryLedger
from ledger.request_control import ControlResult, cancel_request, pause_request, resume_request
from tests.simulate.environment.gate import UNANSWERED_SECONDS, Gate, Hindrance, ports
from tests.simulate.loop import Actor
from tests.simulate.scenario import Ask

ORDERS: Mapping[str, Callable[[Any, RequestKey], Awaitable[ControlResult | None]]] = {
    "cancel": cancel_request,
    "pause": pause_request,
    "resume": resume_request,
}


class Ground(Hindrance, Protocol):
    """Part of the world that a caller needs."""

    rng: random.Random
    ledger: MemoryLedger


class _Ledger:
    def __init__(self, world: Ground, gate: Gate) -> None:
        vars(self).update(ports(world.ledger, gate))


class Caller(Actor):
    """Caller of one request. It repeats each order until it gets an answer."""

    def __init__(self, world: Ground, ask: Ask) -> None:
        super().__init__(f"c{ask.request_id[1:]}")
        self._world, self._ask = world, ask
        self._finished = False
        self._ledger = _Ledger(world, Gate(world, self))

    async def give_orders(self) -> None:
        """Give all orders, one after the other."""
        for at, order in self._ask.orders:
            await asyncio.sleep(at - self._world.loop.time())
            await self.give(order)
        self._finished = True

    async def resume_after(self, other: "Caller") -> None:
        """Resume after the other caller has ended, because it may have died after a pause that arrives late."""
        while not (other._finished or other.dead):  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(1.0)
        await asyncio.sleep(UNANSWERED_SECONDS)
        await self.give("resume")

    async def give(self, order: str) -> None:
        """Repeat one order until it gets an answer."""
        while True:
            try:
                await ORDERS[order](self._ledger, self._ask.key)
            except LedgerUnavailable:
                await asyncio.sleep(0.3)
            else:
                return
