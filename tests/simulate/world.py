"""One world: a ledger, a bus, providers, a few processes, and all that goes wrong, drawn by one seed."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from consumer.events import Event
from consumer.intake import Incoming
from consumer.memory_bus import MemoryBus
from consumer.tools import Limits
from core.ids import ChunkId, template_id
from core.retry import RetryPolicy
from ledger.memory import MemoryLedger
from ledger.values import Claimed, StoredTemplate
from schemas.results import ChunkPointer, EventType
from schemas.statuses import Channel, Lane
from tests.simulate.books import Books, Published
from tests.simulate.caller import Caller
from tests.simulate.faults import Coverage, Fault, Faults
from tests.simulate.kafka import SimulatedKafka
from tests.simulate.loop import WORLD, Actor, VirtualLoop
from tests.simulate.process import WAKE_UPS, Process
from tests.simulate.provider import HEALED, MOODS, Side
from tests.simulate.scenario import (
    PART_TIMEOUT_SECONDS,
    REPLIES,
    START,
    TEMPLATE,
    TENANT,
    TOPICS,
    Publication,
    Scenario,
    moment,
)
from tests.simulate.weather import Weather

LEASE_SECONDS = 6.0
SESSION_SECONDS = 3.0
"""How long Kafka waits for a process that is not heard of."""
PARTITIONS = 3
PATIENCE_SECONDS = 400.0
"""So long after the last fault everything must be finished."""
MOST_TURNS = 400_000


class World:
    """Everything of one seed. `trace` is None, or takes a line a step."""

    def __init__(self, seed: int, coverage: Coverage, trace: list[str] | None = None) -> None:
        self.seed, self.trace = seed, trace
        self.rng = rng = random.Random(seed)
        self.loop = VirtualLoop(random.Random(seed + 1))
        self.ledger = MemoryLedger(self.server_time)
        self.bus = MemoryBus(TOPICS.results, REPLIES)
        self.failures: list[str] = []
        self.errors: list[str] = []
        """What the product said of faults of its own code."""
        self.books = Books(self.ledger, self.loop.time, self.fail)
        self.kafka = SimulatedKafka(
            (TOPICS.requests, TOPICS.requests_express, *WAKE_UPS.values()), PARTITIONS, rng, self._committed
        )
        self.faults = Faults(seed, rng, coverage)
        self.scenario = Scenario(rng, self.faults.aimed[0])
        self.sides = self._make_sides()
        self.processes: list[Process] = []
        self.weather = Weather(self)
        self._down_until = {"ledger": 0.0, "bus": 0.0}
        self._wakes = rng.choice(((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.2, 0.2, 0.3), (0.6, 0.1, 0.5)))
        self.limits = Limits(
            chunk_size=rng.choice((1, 2, 3, 4, 8)),
            window_size=rng.choice((1, 2, 2, 3)),
            lease_seconds=LEASE_SECONDS,
            retry=RetryPolicy(
                rng.choice((2, 3, 4)), timedelta(seconds=rng.choice((20, 86_400))), base_seconds=0.5, cap_seconds=4
            ),
            part_timeout_seconds=PART_TIMEOUT_SECONDS,
            default_region="CN",
            reply_topics=(REPLIES,),
        )
        self._mixed = rng.random() < 0.25
        """Whether its processes differ in their sizes of chunks and windows."""
        self.published_parts: set[tuple[str, int]] = set()

    def _make_sides(self) -> list[Side]:
        rng, moods = self.rng, list(MOODS)
        if self.faults.aimed[0] == "renew":
            moods = [MOODS[4]]
        if self.faults.aimed[0] == "release":
            moods = [MOODS[2]]
        mood, sms = rng.choice(moods), rng.choice((1, 1, 2))
        deduplicates = rng.random() < 0.25
        names = [f"sms{number}" for number in range(sms)] + ["mail"]
        return [
            Side(
                name,
                Channel.EMAIL if name == "mail" else Channel.SMS,
                deduplicates and rng.random() < 0.8,
                rng.choice((None, None, None, 2.0)),
                LEASE_SECONDS / 2,
                rng,
                mood,
                self._later,
                clock=self.loop.time,
            )
            for name in names
        ]

    # ------------------------------------------------------------------ the course of things

    def run(self) -> list[str]:
        """Run to the end; what must never be, as lines."""
        try:
            self.loop.run(self._main())
            return self.failures
        finally:
            self.loop.bury()

    async def _main(self) -> None:
        rng, loop = self.rng, self.loop
        self._put_templates()
        for _ in range(rng.choice((1, 2, 2, 2, 3, 4))):
            self.boot()
        loop.start(WORLD, self._publish_all())
        for ask in self.scenario.asks:
            if ask.orders:
                caller = Caller(self, ask)
                loop.start(caller, caller.give_orders())
        rough = loop.start(WORLD, self.weather.blow())
        until, early = rng.uniform(10, 35), rng.random() < 0.7
        if self.faults.aimed[0] in {"cut", "give_up", "lag"}:
            until += PART_TIMEOUT_SECONDS
        await self._until(until, early=early)
        rough.cancel()
        self.heal()
        await self._settle()

    async def _until(self, until: float, *, early: bool) -> None:
        """Return at this time, or as soon as nothing is left to do."""
        while self.loop.time() < until and not (early and self._unsettled() is None):  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(1.0)

    def heal(self) -> None:
        """From now on nothing goes wrong any more."""
        self.faults.enabled = False
        self._down_until = {"ledger": 0.0, "bus": 0.0}
        self._wakes = (0.0, 0.0, 0.0)
        for side in self.sides:
            side.mood = HEALED
        for process in self.processes:
            if process.frozen:
                self.thaw(process)
        if not any(self._lives(process) for process in self.processes):
            self.boot()
        self.kafka.rebalance()  # a record whose commit failed comes again
        for ask in self.scenario.asks:
            if ask.ordered("pause"):  # whoever paused it may have died
                caller = Caller(self, ask)
                self._later(
                    max(at for at, _ in ask.orders), lambda one=caller: self.loop.start(one, one.give("resume"))
                )  # type: ignore[misc]

    async def _settle(self) -> None:
        deadline = self.loop.time() + PATIENCE_SECONDS
        while why := self._unsettled():
            if self.loop.time() > deadline:
                self.fail(f"liveness: {why}")
                return
            if self.loop.turns > MOST_TURNS:
                self.fail(f"liveness: so many steps, and still {why}")
                return
            await asyncio.sleep(1.0)
        await asyncio.sleep(2.0)
        if self.loop.broken:
            self.fail(self.loop.broken[0])

    def _unsettled(self) -> str | None:
        """What is not finished yet."""
        if self.loop.time() < max((one.at for one in self.scenario.publications), default=0.0) + 1:
            return "not everything is published"
        for topic in (TOPICS.requests, TOPICS.requests_express):
            for partition in self.kafka.topics[topic]:
                if partition.lag:
                    return f"{partition.topic}/{partition.number} has a lag of {partition.lag}"
        for document in self.books.store.requests.values():
            if not document.request.announced:
                return f"{document.request.head.request_id} is not completed and announced"
        return next((f"{self.books.brief(d.chunk.id)} is open" for d in self.books.store.open_chunks()), None)

    # ------------------------------------------------------------------ what happens to processes

    def boot(self) -> Process:
        """A new process."""
        limits = self.limits
        if self._mixed:
            sizes = {"chunk_size": self.rng.choice((1, 2, 4)), "window_size": self.rng.choice((1, 2, 3))}
            limits = replace(limits, **sizes)  # type: ignore[arg-type]
        process = Process(self, f"p{len(self.processes)}", limits)
        self.processes.append(process)
        process.start()
        return process

    def kill(self, actor: Actor) -> None:
        """It does nothing any more; another comes in its place after a while."""
        actor.dead = True
        if isinstance(actor, Process):
            self.books.killed(actor.name)
            self._later(SESSION_SECONDS, lambda: self.kafka.leave(actor))
            self._later(self.rng.uniform(0.1, 8), self.boot)

    def freeze(self, actor: Actor) -> None:
        """It does nothing for a while, mostly for longer than a lease."""
        seconds = self.rng.uniform(0.2, 3) * LEASE_SECONDS
        actor.frozen = True
        self.hindered(actor, seconds)
        if seconds > SESSION_SECONDS and isinstance(actor, Process):
            self._later(SESSION_SECONDS, lambda: self.kafka.leave(actor) if actor.frozen else None)
        self._later(seconds, lambda: self.thaw(actor))

    def thaw(self, actor: Actor) -> None:
        """It goes on where it was."""
        if actor.frozen and not actor.dead:
            self.loop.thaw(actor)
            if isinstance(actor, Process):
                self.books.trouble(actor.name)
                self.kafka.join(actor)

    def left(self, process: Process) -> None:
        """A process was asked to stop, and has ended."""
        if self.books.troubles.get(process.name):
            self.books.killed(process.name)
        process.dead = True
        self.kafka.leave(process)
        self._note(process, "exit", (), "")

    def hindered(self, actor: Actor, seconds: float) -> None:
        """For so long it may lose a lease without a fault of its own."""
        self.books.trouble(actor.name, seconds)

    def put_down(self, part: str, seconds: float) -> None:
        """The ledger or the bus answers nobody for a while."""
        self._down_until[part] = self.loop.time() + seconds
        for process in self.processes:
            self.hindered(process, seconds + LEASE_SECONDS)

    def is_down(self, part: str) -> bool:
        """Whether it answers nobody now."""
        return self._down_until.get(part, 0.0) > self.loop.time()

    def living(self) -> list[Process]:
        """The processes that are neither dead nor frozen nor about to stop."""
        return [process for process in self.processes if self._lives(process)]

    @staticmethod
    def _lives(process: Process) -> bool:
        return not (process.dead or process.frozen or process.tools.stopping.is_set())

    # ------------------------------------------------------------------ what processes do to the world

    def server_time(self) -> datetime:
        """The ledger's clock."""
        return START + timedelta(seconds=self.loop.time())

    def wake(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        """A wake-up call: lost, doubled or late, as this world has it."""
        lost, doubled, late = self._wakes
        rng = self.rng
        if rng.random() < lost:
            return
        value = ChunkPointer(chunk_id=chunk, channel=channel).model_dump_json().encode()
        for _ in range(1 + (rng.random() < doubled)):
            number, delay = rng.randrange(PARTITIONS), rng.uniform(0, 10) if rng.random() < late else 0.0
            call = self.kafka.append, (WAKE_UPS[lane], number, self._now_ms(), chunk.encode(), value)
            if delay:
                self._later(delay, lambda call=call: call[0](*call[1]))  # type: ignore[misc]
            else:
                call[0](*call[1])

    def published(self, topic: str, key: str, events: Sequence[Event]) -> None:
        """Events are on a topic."""
        now = self.loop.time()
        for event in events:
            self.books.published.append(Published(now, topic, key, event))
            if event.type == EventType.REQUEST_REJECTED:
                self.books.rejected.add(event.id)

    def done(self, actor: Actor, step: str, about: tuple[Any, ...], said: Any) -> None:
        """A step has had its effect."""
        if isinstance(said, Claimed):
            self.books.claimed(actor.name, said, LEASE_SECONDS)
            if actor.dead:  # its claim arrived after its death
                self.books.killed(actor.name)
        elif step == "in_windows":
            self.books.ordered(about[0], said)
        elif step == "resume" and said:
            self.books.resumed(about[0])
        elif step == "advance" and actor.dead:
            self.books.killed(actor.name)
        if self.trace is not None:
            self._note(actor, step, about, said)

    def noted(self, actor: Actor, step: str, about: tuple[Any, ...], fault: Fault) -> None:
        """A fault happens at a step."""
        if self.trace is not None:
            self._note(actor, f"!! {step}", about, fault.value)

    def note(self, what: str) -> None:
        """A line of the trace about the world itself."""
        if self.trace is not None:
            self.trace.append(f"{self.loop.time():9.3f} ---- {what}")

    def fail(self, why: str) -> None:
        """What must never be has happened: stop here."""
        self.failures.append(why)
        self.note(f"FAILED {why}")
        self.loop.stopped = True

    # ------------------------------------------------------------------ small things

    def _note(self, actor: Actor, step: str, about: tuple[Any, ...], said: Any) -> None:
        if self.trace is not None:
            brief = self.books.brief_of
            line = f"{self.loop.time():9.3f} {actor.name:4} {step:16} {brief(about)} -> {brief(said)}"
            self.trace.append(line.rstrip())

    async def _publish_all(self) -> None:
        for publication in self.scenario.publications:
            await asyncio.sleep(publication.at - self.loop.time())
            self._publish(publication)

    def _publish(self, publication: Publication) -> None:
        key = (publication.request_id or "poison").encode()
        if publication.is_right and publication.request_id:
            self.published_parts.add((publication.request_id, publication.part))
        self.kafka.append(publication.topic, publication.partition, self._now_ms(), key, publication.value)
        self.note(f"publish {publication.request_id} part {publication.part} right {publication.is_right}")

    def _committed(self, record: Incoming) -> None:
        if record.topic in {TOPICS.requests, TOPICS.requests_express}:
            self.books.committed(record)

    def _put_templates(self) -> None:
        name = template_id(TENANT, TEMPLATE)
        stored = StoredTemplate(name, TENANT, TEMPLATE, 1, "dear all", None, moment(-9))
        self.books.store.templates[name] = [stored]

    def _later(self, delay: float, call: Callable[[], Any]) -> None:
        """Do something in the world's own name."""

        async def wait() -> None:
            await asyncio.sleep(delay)
            call()

        self.loop.start(WORLD, wait())

    def _now_ms(self) -> int:
        return round((START.timestamp() + self.loop.time()) * 1000)
