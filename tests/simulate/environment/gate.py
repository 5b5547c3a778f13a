"""Gate between a simulated process and the world. Each call is a step, and the seed decides its fault."""

import asyncio
import functools
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from ledger.errors import LedgerUnavailable
from tests.simulate.environment.faults import Fault, Faults
from tests.simulate.loop import WORLD, Actor, VirtualLoop
from tests.support.builders import LEDGER_PORTS

Effect = Callable[[], Awaitable[Any]]

UNANSWERED_SECONDS = 12.0
"""Maximum delay of an answer in seconds: two leases."""

_NAMES = {
    ("chunks", "mark_cancelled"): "mark",
    ("chunks", "counts"): "tally",
    ("logs", "insert_or_get"): "log",
    ("logs", "get_many"): "recover_window",
    ("logs", "iterate_request"): "choose",
    ("receipts", "count"): "count_kept",
    ("templates", "get"): "template",
    ("receipts", "claim_due"): "claim_kept",
    ("receipts", "delete"): "delete_kept",
}
_NO_STEPS = {"ping", "count_open_by_lane", "count_kept"}
_IDLE = {"claim_due", "claim_kept", "take_unfinished", "erase", "delete"}
"""Repeated reads. A read without a result is not a step."""


class Hindrance(Protocol):
    """Part of the world that a gate needs."""

    rng: random.Random
    loop: VirtualLoop
    faults: Faults

    def kill(self, actor: Actor) -> None: ...
    def freeze(self, actor: Actor) -> None: ...
    def hindered(self, actor: Actor, seconds: float) -> None: ...
    def done(self, actor: Actor, step: str, about: tuple[Any, ...], said: Any) -> None: ...
    def noted(self, actor: Actor, step: str, about: tuple[Any, ...], fault: Fault) -> None: ...
    def is_down(self, part: str) -> bool: ...


class Gate:
    """Gate of one actor."""

    def __init__(self, world: Hindrance, actor: Actor) -> None:
        self._world, self._actor, self._random = world, actor, world.rng.random

    @property
    def actor_name(self) -> str:
        """Return the name of the actor."""
        return self._actor.name

    async def step(
        self, name: str, effect: Effect, about: tuple[Any, ...], unanswered: Callable[[str], Any], part: str
    ) -> Any:
        """Run one step. `unanswered` raises or returns the result of a missing answer."""
        world, actor = self._world, self._actor
        if name in _NO_STEPS or world.is_down(part):
            return unanswered("no answer") if world.is_down(part) else await effect()
        if name in _IDLE:
            return await self._poll(name, effect, about, unanswered)
        fault = world.faults.at(name)
        if fault is None:
            await self._turn()
            said = await effect()
            world.done(actor, name, about, said)
            await self._turn()
            return said
        world.faults.happened(name, fault)
        world.noted(actor, name, about, fault)
        return await self._through(fault, name, effect, about, unanswered)

    async def _poll(self, name: str, effect: Effect, about: tuple[Any, ...], unanswered: Callable[[str], Any]) -> Any:
        world, actor = self._world, self._actor
        said = await effect()
        if not said:
            return said
        world.done(actor, name, about, said)
        fault = world.faults.at(name)
        if fault is None:
            await self._turn()
            return said
        world.faults.happened(name, fault)
        world.noted(actor, name, about, fault)

        async def again() -> Any:
            return said

        return await self._through(fault, "", again, about, unanswered)

    async def _through(  # a step and its fault
        self, fault: Fault, name: str, effect: Effect, about: tuple[Any, ...], unanswered: Callable[[str], Any]
    ) -> Any:
        world, actor = self._world, self._actor

        async def do() -> Any:
            said = await effect()
            if name:
                world.done(actor, name, about, said)
            return said

        match fault:
            case Fault.KILLED_BEFORE:
                await self._die()
            case Fault.GHOST:
                delay = self._random() * UNANSWERED_SECONDS
                world.loop.start(WORLD, _later(delay, do))
                await self._die()
            case Fault.KILLED_AFTER:
                await do()
                await self._die()
            case Fault.ANSWER_LOST:
                await do()
                world.hindered(actor, 0.0)
                return unanswered("the answer was lost")
            case Fault.UNAVAILABLE:
                world.hindered(actor, 0.0)
                return unanswered("not done")
            case Fault.LATE:
                return await self._late(do)
            case Fault.FROZEN:
                return await self._frozen(do)
        raise AssertionError("a dead process goes on")

    async def _late(self, do: Effect) -> Any:
        before, after = self._random() * UNANSWERED_SECONDS / 2, self._random() * UNANSWERED_SECONDS / 2
        self._world.hindered(self._actor, before + after)
        await asyncio.sleep(before)
        said = await do()
        await asyncio.sleep(after)
        return said

    async def _frozen(self, do: Effect) -> Any:
        if self._random() < 0.5:
            self._world.freeze(self._actor)
            await asyncio.sleep(0)
            return await do()
        said = await do()
        self._world.freeze(self._actor)
        await asyncio.sleep(0)
        return said

    async def _die(self) -> None:
        self._world.kill(self._actor)
        await self._world.loop.create_future()

    async def _turn(self) -> None:
        """Let other actors run first, sometimes for a while."""
        draw = self._random()
        if draw < 0.45:
            await asyncio.sleep(0)
        elif draw > 0.9:
            await asyncio.sleep(self._random() * 0.08)


async def _later(delay: float, effect: Effect) -> None:
    await asyncio.sleep(delay)
    await effect()


def ledger_unanswered(why: str) -> Any:
    """Raise the error of a ledger that does not answer."""
    raise LedgerUnavailable(why)


class Port:
    """Store of the ledger in which each coroutine method is a step."""

    def __init__(self, inner: object, part: str, gate: Gate) -> None:
        for name in _steps_of(type(inner)):
            setattr(self, name, _stepwise(getattr(inner, name), _NAMES.get((part, name), name), gate))
        for name in _lists_of(type(inner)):
            setattr(self, name, _at_once(getattr(inner, name), _NAMES.get((part, name), name), gate))


@functools.cache
def _steps_of(kind: type) -> tuple[str, ...]:
    return tuple(n for n, m in vars(kind).items() if not n.startswith("_") and inspect.iscoroutinefunction(m))


@functools.cache
def _lists_of(kind: type) -> tuple[str, ...]:
    return tuple(n for n, m in vars(kind).items() if not n.startswith("_") and inspect.isasyncgenfunction(m))


def _at_once(method: Callable[..., AsyncIterator[Any]], step: str, gate: Gate) -> Callable[..., AsyncIterator[Any]]:
    """Read a whole list in one step, so that later items may be out of date."""

    async def read(*args: Any) -> AsyncIterator[Any]:
        async def all_of_it() -> list[Any]:
            return [one async for one in method(*args)]

        for one in await gate.step(step, all_of_it, args, ledger_unanswered, "ledger"):
            yield one

    return read


def _stepwise(method: Callable[..., Awaitable[Any]], step: str, gate: Gate) -> Callable[..., Awaitable[Any]]:
    async def call(*args: Any, **named: Any) -> Any:
        return await gate.step(step, lambda: method(*args, **named), args, ledger_unanswered, "ledger")

    return call


def ports(ledger: object, gate: Gate) -> Mapping[str, Port]:
    """Ledger with gated stores for one actor."""
    return {part: Port(getattr(ledger, part), part, gate) for part in LEDGER_PORTS}
