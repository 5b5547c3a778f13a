"""Event loop with virtual time. A seed chooses the next one of the ready callbacks.

No thread, no socket and no clock of this machine: when nothing is ready, time jumps to the next timer. Everything that
runs belongs to an actor, found through the context of its task. The remaining callbacks of a dead actor never run, so
that no `finally` of it has an effect. Those of a frozen actor wait until it is thawed.
"""

import asyncio
import contextlib
import contextvars
import heapq
import itertools
import random
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Actor:
    """Simulated process, caller, or the world itself."""

    def __init__(self, name: str) -> None:
        self.name, self.dead, self.frozen = name, False, False
        self.stash: list[Callback] = []
        """Callbacks that wait while the actor is frozen."""


WORLD = Actor("world")
_ACTOR: contextvars.ContextVar[Actor] = contextvars.ContextVar("actor", default=WORLD)


def current_actor() -> Actor:
    """Return the actor whose code runs."""
    return _ACTOR.get()


class Callback:
    """Callback of the loop, in place of the handle of asyncio."""

    __slots__ = ("actor", "args", "call", "context", "is_cancelled", "when")

    def __init__(
        self, call: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context, when: float
    ) -> None:
        self.call, self.args, self.context, self.when = call, args, context, when
        self.actor, self.is_cancelled = context.get(_ACTOR, WORLD), False

    def cancel(self) -> None:
        self.is_cancelled = True


class NumberedTask(asyncio.Task[Any]):
    """Task whose hash follows from its creation order and not from its memory address."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self.number = number
        super().__init__(coroutine, **options)

    __eq__ = object.__eq__

    def __hash__(self) -> int:
        return self.number


class Deadlock(Exception):  # noqa: N818  # what the world is in
    """Loop without ready callbacks and without timers."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """Event loop with the methods that tasks, futures, locks and time-outs of asyncio need."""

    def __init__(self, rng: random.Random) -> None:
        self.turns = 0
        """Number of callbacks that ran."""
        self.stopped = False
        self.broken: list[str] = []
        """Errors in callbacks. There should be none."""
        self._random, self._now, self._buried = rng.random, 0.0, False
        self._ready: list[Callback] = []
        self._timers: list[tuple[float, int, Callback]] = []
        self._numbers = itertools.count()
        self._tasks: list[NumberedTask] = []
        """All tasks. A waiting task that is garbage collected would run its `finally`."""

    # ------------------------------------------------------------------ methods for asyncio

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        made = Callback(callback, args, context or contextvars.copy_context(), self._now)
        if not self._buried:
            self._ready.append(made)
        return made

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        made = Callback(callback, args, context or contextvars.copy_context(), when)
        if not self._buried:
            heapq.heappush(self._timers, (when, next(self._numbers), made))
        return made

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None, **_: Any) -> Any:
        task = NumberedTask(next(self._numbers), coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self._buried

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._buried:
            self.broken.append(f"{context.get('message')}: {context.get('exception')!r}")

    # ------------------------------------------------------------------ methods for the world

    def start(self, actor: Actor, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task of an actor."""
        context = contextvars.copy_context()
        context.run(_ACTOR.set, actor)
        task: asyncio.Task[Any] = self.create_task(work, context=context)
        return task

    def thaw(self, actor: Actor) -> None:
        """Continue a frozen actor."""
        actor.frozen = False
        self._ready += actor.stash
        actor.stash = []

    def run(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run until the work has ended, or return None after `stopped` was set."""
        with self._running():
            task = self.start(WORLD, work)
            while not task.done() and not self.stopped:
                self._turn()
            return task.result() if task.done() else None

    def bury(self) -> None:
        """Close everything that still waits, without any further effect."""
        self._buried = True
        with self._running():
            for task in self._tasks:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                if task.done():
                    if not task.cancelled():
                        task.exception()
                    continue
                coroutine = task.get_coro()
                for _ in range(4):  # a task group ignores the first close
                    with contextlib.suppress(BaseException):
                        coroutine.close()  # type: ignore[union-attr]
                        break
        self._tasks.clear()
        self._ready.clear()
        self._timers.clear()

    @contextlib.contextmanager
    def _running(self) -> Generator[None]:
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    def _turn(self) -> None:
        ready, timers = self._ready, self._timers
        if not ready:
            while timers and timers[0][2].is_cancelled:
                heapq.heappop(timers)
            if not timers:
                raise Deadlock
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            ready.append(heapq.heappop(timers)[2])
        at = int(self._random() * len(ready))
        chosen, ready[at] = ready[at], ready[-1]
        ready.pop()
        if chosen.is_cancelled or chosen.actor.dead:
            return
        if chosen.actor.frozen:
            chosen.actor.stash.append(chosen)
            return
        self.turns += 1
        try:
            chosen.context.run(chosen.call, *chosen.args)
        except Exception as error:  # noqa: BLE001  # asyncio keeps errors of tasks in the task, so this is another error
            self.broken.append(repr(error))
