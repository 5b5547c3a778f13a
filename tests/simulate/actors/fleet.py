"""Processes of a world: their start, kill, freeze and stop."""

import math
import random
from dataclasses import replace
from datetime import timedelta

from consumer.context import Tuning
from consumer.flow_control.shared_rate import RateCap
from core.retry import RetryPolicy
from core.routes import Route, RouteRule, Routes, Target
from ledger.sealing import Sealer
from schemas.statuses import Channel
from schemas.tenant_settings import ChannelLimits, TenantLimits
from tests.simulate.actors.own_entries import OwnEntries
from tests.simulate.actors.process import Process
from tests.simulate.actors.resend_plan import RESEND_STEPS
from tests.simulate.environment.faults import Coverage
from tests.simulate.environment.provider import MOODS, Side
from tests.simulate.loop import Actor
from tests.simulate.scenario import PART_TIMEOUT_SECONDS, REPLIES
from tests.simulate.stage import LEASE_SECONDS, Stage

_K1, _K2 = ("k1", bytes(32)), ("k2", bytes([2] * 32))
OLD, BOTH, NEW = Sealer([_K1]), Sealer([_K1, _K2]), Sealer([_K2, _K1])
"""Sealing keys before a rotation, during it, and after it."""
_OTHER_NUMBER = "+8613800000001"
SESSION_SECONDS = 3.0
"""Time after which Kafka removes a silent process from its group, in seconds."""


class Fleet(Stage):
    """Stage with its consumer processes."""

    def __init__(self, seed: int, coverage: Coverage, trace: list[str] | None) -> None:
        super().__init__(seed, coverage, trace)
        self.processes: list[Process] = []
        self.sides: list[Side] = []
        self.own_sides: dict[str, Side] = {}
        """Gateways of the entries that the tenant manages itself."""
        self.rate_caps: dict[str, RateCap] = {}
        self.tenant_bounds = TenantLimits()
        self.own_entries: OwnEntries | None = None
        """Entries of the tenant, in a world in which it has some."""
        self.rotates_at = self.rng.uniform(0, 6) if self.rng.random() < 0.12 else None
        """Time at which a new sealing key is given to the processes, one after the other."""
        self.rotated = False
        self._erases = self.faults.aimed[0] == "erase" or self.rng.random() < 0.15

    def draw_limits(self) -> None:
        """Choose the settings of the processes."""
        rng = self.rng
        self.limits = Tuning(
            chunk_size=rng.choice((1, 2, 3, 4, 8)),
            window_size=rng.choice((1, 2, 2, 3)),
            lease_seconds=LEASE_SECONDS,
            retry=RetryPolicy(
                rng.choice((2, 3, 4)), timedelta(seconds=rng.choice((20, 86_400))), base_seconds=0.5, cap_seconds=4
            ),
            part_timeout_seconds=PART_TIMEOUT_SECONDS,
            default_region="CN",
            reply_topics=(REPLIES,),
            address_retention=timedelta(seconds=rng.choice((0.5, 4))) if self._erases else None,
        )
        self._mixed = rng.random() < 0.25
        """True if the processes have different chunk and window sizes."""

    def draw_shared_limits(self) -> None:
        """Choose the limits across all processes. Numbers of its own, so that all other worlds stay what they were."""
        rng = random.Random(f"limits of {self.seed}")
        if rng.random() < 0.15:
            self.rate_caps = {"sms0": RateCap(rng.choice((0.5, 2.0, 10.0)))}
        if rng.random() < 0.15:
            self.tenant_bounds = TenantLimits(sms=ChannelLimits(max_per_min=rng.choice((10, 20))))

    def draw_own_entries(self) -> None:
        """Let the tenant of some worlds have providers of its own. Own ones have no prices, and so no budgets."""
        own = OwnEntries(self, may_have_some=not self.prices)
        self.own_entries = own if own.exist else None

    @property
    def all_sides(self) -> list[Side]:
        """Return the providers of the installation and those of the tenant."""
        return [*self.sides, *self.own_sides.values()]

    @property
    def sealer_of_entries(self) -> Sealer:
        """Return the keys under which the tenant's entries are sealed. All processes have them."""
        return OLD

    def draw_sides(self) -> None:
        """Choose the providers and the distribution of their answers."""
        rng, moods = self.rng, list(MOODS)
        if self.faults.aimed[0] == "renew":
            moods = [MOODS[4]]
        if self.faults.aimed[0] in RESEND_STEPS:
            moods = [MOODS[-1]]
        if self.faults.aimed[0] == "release":
            moods = [MOODS[2]]
        mood, sms = rng.choice(moods), rng.choice((1, 1, 2))
        deduplicates = rng.random() < 0.25
        batch_size = rng.choice((1, 1, 3))
        names = [f"sms{number}" for number in range(sms)] + ["mail"]
        self.sides = [
            Side(
                name,
                Channel.EMAIL if name == "mail" else Channel.SMS,
                deduplicates and rng.random() < 0.8,
                rng.choice((None, None, None, 2.0)),
                LEASE_SECONDS / 2,
                rng,
                mood,
                self.later,
                clock=self.loop.time,
                batch_size=batch_size,
            )
            for name in names
        ]

    @property
    def routes(self) -> Routes:
        """Return the routes of the processes. With two providers of SMS, one recipient has the other order.

        They are derived from the other draws, so that the worlds of known seeds stay as they are.
        """
        names = [side.name for side in self.sides if side.channel is Channel.SMS]
        if len(names) < 2 or self.limits.chunk_size % 2:
            return Routes()
        other = Route(tuple(Target(name, at) for at, name in enumerate(reversed(names))))
        return Routes([RouteRule(Channel.SMS, other, prefix=_OTHER_NUMBER)])

    def boot(self) -> Process:
        """Start a new process."""
        limits = self.limits
        if self._mixed:
            sizes = {"chunk_size": self.rng.choice((1, 2, 4)), "window_size": self.rng.choice((1, 2, 3))}
            limits = replace(limits, **sizes)  # type: ignore[arg-type]
        process = Process(self, f"p{len(self.processes)}", limits, self.sealer_of_now())
        self.processes.append(process)
        if self.rotated and process.context.sealer is OLD:
            self._lacks_key(process)
        process.start()
        return process

    def rotate(self) -> None:
        """Give the new sealing key to some of the processes that start from now on."""
        self.rotated = True
        self.note("a new sealing key")
        for process in self.processes:
            self._lacks_key(process)
        self.restart_all()

    def _lacks_key(self, process: Process) -> None:
        """Note that a process claimed a chunk that it cannot open. Its lease expires, and another process continues."""
        self.hindered(process, math.inf)

    def sealer_of_now(self) -> Sealer:
        """Return the keys of a process that starts now."""
        if not self.rotated:
            return OLD
        return self.rng.choice((OLD, OLD, NEW, NEW, BOTH)) if self.faults.enabled and not self.ages else NEW

    def restart_all(self) -> None:
        """Ask every process to stop, and start another for each."""
        for process in self.living():
            self.boot()
            self.loop.start(process, process.stop())

    def kill(self, actor: Actor) -> None:
        """Kill a process, and start another in its place after a while."""
        actor.dead = True
        if isinstance(actor, Process):
            self.books.killed(actor.name)
            self.later(SESSION_SECONDS, lambda: self.kafka.leave(actor))
            self.later(self.rng.uniform(0.1, 8), self.boot)

    def freeze(self, actor: Actor) -> None:
        """Freeze a process for a while, usually for longer than a lease."""
        seconds = self.rng.uniform(0.2, 3) * LEASE_SECONDS
        actor.frozen = True
        self.hindered(actor, seconds)
        if seconds > SESSION_SECONDS and isinstance(actor, Process):
            self.later(SESSION_SECONDS, lambda: self.kafka.leave(actor) if actor.frozen else None)
        self.later(seconds, lambda: self.thaw(actor))

    def thaw(self, actor: Actor) -> None:
        """Continue a frozen process."""
        if actor.frozen and not actor.dead:
            self.loop.thaw(actor)
            if isinstance(actor, Process):
                self.books.trouble(actor.name)
                self.kafka.join(actor)

    def left(self, process: Process) -> None:
        """Note that a process ended after it was asked to stop."""
        if self.books.troubles.get(process.name):
            self.books.killed(process.name)
        process.dead = True
        self.kafka.leave(process)
        self._note(process, "exit", (), "")

    def hindered(self, actor: Actor, seconds: float) -> None:
        """Note the time in which a process may lose a lease without a fault of its own."""
        self.books.trouble(actor.name, seconds)

    def put_down(self, part: str, seconds: float) -> None:
        """Stop the answers of the ledger or of the bus for a while."""
        self.down_until[part] = self.loop.time() + seconds
        for process in self.processes:
            self.hindered(process, seconds + LEASE_SECONDS)

    def living(self) -> list[Process]:
        """Return the processes that are not dead, frozen or stopping."""
        return [process for process in self.processes if self.lives(process)]

    @staticmethod
    def lives(process: Process) -> bool:
        """Return whether the process runs and is not stopping."""
        return not (process.dead or process.frozen or process.context.stopping.is_set())
