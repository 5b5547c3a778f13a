"""Faults at any time, independent of steps: rebalances, outages, records read again, processes stopped."""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from tests.simulate.actors.process import Process
from tests.simulate.environment.kafka import SimulatedKafka
from tests.simulate.loop import WORLD, Actor, VirtualLoop


class Sky(Protocol):
    """Part of the world that the faults need."""

    rng: random.Random
    loop: VirtualLoop
    kafka: SimulatedKafka
    rotates_at: float | None

    def living(self) -> list[Process]: ...
    def boot(self) -> Process: ...
    def kill(self, actor: Actor) -> None: ...
    def freeze(self, actor: Actor) -> None: ...
    def hindered(self, actor: Actor, seconds: float) -> None: ...
    def put_down(self, part: str, seconds: float) -> None: ...
    def lose_replies(self, seconds: float | None, *, deleted: bool) -> None: ...
    def note(self, what: str) -> None: ...


class Disruptions:
    """Faults of one world: their kinds and their frequency."""

    def __init__(self, world: Sky) -> None:
        self._world, self._rng = world, world.rng
        kinds: tuple[Callable[[], None], ...] = (
            self._rebalance,
            self._rewind,
            self._outage,
            self._stop,
            self._roll,
            self._kill,
            self._freeze,
            self._jump,
            self._replies,
        )
        self._kinds = [kind for kind in kinds if self._rng.random() < 0.3]
        if world.rotates_at is not None:  # a process without the key may take over deliveries in doubt
            self._kinds.append(self._kill)
        self._rolling: asyncio.Task[None] | None = None
        self._pause = self._rng.choice((2.0, 5.0, 12.0))

    async def blow(self) -> None:
        """Run until the task is cancelled."""
        try:
            await self._blow()
        finally:
            if self._rolling:
                self._rolling.cancel()

    async def _blow(self) -> None:
        while self._kinds:
            await asyncio.sleep(self._rng.expovariate(1 / self._pause))
            kind = self._rng.choice(self._kinds)
            self._world.note(kind.__name__.strip("_"))
            kind()

    def _rebalance(self) -> None:
        self._world.kafka.rebalance()

    def _rewind(self) -> None:
        self._world.kafka.rewind()

    def _outage(self) -> None:
        self._world.put_down(self._rng.choice(("ledger", "bus")), self._rng.uniform(0.2, 8))

    def _stop(self) -> None:
        """Stop one process with SIGTERM and start another."""
        for process in self._some():
            self._world.boot()
            self._world.loop.start(process, process.stop())

    def _roll(self) -> None:
        """Restart all processes, one at a time. Two overlapping restarts would double the processes repeatedly."""
        if self._rolling and not self._rolling.done():
            return

        async def roll() -> None:
            for process in self._world.living():
                self._world.boot()
                if not process.dead and not process.context.stopping.is_set():
                    self._world.loop.start(process, process.stop())
                await asyncio.sleep(self._rng.uniform(0, 4))

        self._rolling = self._world.loop.start(WORLD, roll())

    def _kill(self) -> None:
        for process in self._some():
            self._world.kill(process)

    def _freeze(self) -> None:
        for process in self._some():
            self._world.freeze(process)

    def _jump(self) -> None:
        """Move the clock of a process forward. A monotonic clock never goes back."""
        for process in self._some():
            process.jumped += self._rng.choice((1.0, 7.0, 3600.0))
            self._world.hindered(process, 0.0)

    def _replies(self) -> None:
        """Delete the reply topic, or remove the permission to write to it."""
        seconds = self._rng.uniform(0.5, 15) if self._rng.random() < 0.7 else None
        self._world.lose_replies(seconds, deleted=self._rng.random() < 0.5)

    def _some(self) -> list[Process]:
        living = self._world.living()
        return [self._rng.choice(living)] if living else []
