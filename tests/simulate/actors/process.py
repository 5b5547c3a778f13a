"""Simulated consumer process: the real code of consumer/, connected to the world through a gate."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from consumer.context import ConsumerContext, Tuning
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.events import Event
from consumer.expand.expansion_queue import ExpansionQueue
from consumer.flow_control.circuit_breaker import IntakeCircuitBreaker
from consumer.flow_control.lane_priority import LanePriority
from consumer.flow_control.reply_topic_health import ReplyTopicHealth
from consumer.flow_control.shared_limits import SharedLimits
from consumer.flow_control.shared_rate import RateCap
from consumer.flow_control.slots import build_slots
from consumer.flow_control.tenant_cache import TenantCache
from consumer.flow_control.tenant_quotas import TenantQuotas
from consumer.kafka.bus import BusUnavailable, DeadLetter
from consumer.kafka.memory_bus import MemoryBus
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.read_positions import CHECK_SECONDS
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.readiness import ReadinessTracker
from consumer.provider_caller import ProviderCaller
from consumer.request_cache import RequestCache
from consumer.service import DRAIN_SECONDS, PROVIDER_GRACE_SECONDS
from consumer.settle.receipt_queue import ReceiptQueue
from consumer.sweep.sweeper import Sweeper
from consumer.sweep.tenant_provider_upkeep import keep_tenant_providers
from consumer.tenants.tenant_providers import TenantProviders
from core.ids import ChunkId, is_receipt_event_id
from core.routes import Routes
from core.send_result import Message, Retry, SendResult
from ledger.memory import MemoryLedger
from ledger.sealing import Sealer
from providers.draft import Draft, as_it_is
from providers.entries import ProviderEntry
from providers.prices import PriceList
from providers.provider import CLOSED
from providers.registry import Providers
from schemas.results import EventType
from schemas.statuses import Channel, Lane, Reason
from schemas.tenant_settings import TenantLimits
from tests.simulate.checks.observations import Observations
from tests.simulate.environment.gate import Gate, Hindrance, ports
from tests.simulate.environment.kafka import CommitFailed, Partition, SimulatedKafka
from tests.simulate.environment.provider import Side
from tests.simulate.loop import Actor
from tests.simulate.scenario import BATCH_SIZES, PERIODS, TOPICS
from tests.support.drafts import ENDLESS

CLUSTER = "cluster"
METRICS = Metrics()
"""Metrics of all processes, which only count."""

_PUBLISHED = {
    EventType.REQUEST_ACCEPTED: "accepted",
    EventType.REQUEST_REJECTED: "rejected",
    EventType.REQUEST_COMPLETED: "announce",
}
_COMMITS = {**dict.fromkeys(TOPICS.intake, "commit"), TOPICS.receipts: "commit_receipt"}
WAKE_UPS = {Lane.BULK: TOPICS.chunks, Lane.EXPRESS: TOPICS.chunks_express}


class Surroundings(Hindrance, Protocol):
    """Part of the world that a process needs."""

    ledger: MemoryLedger
    bus: MemoryBus
    kafka: SimulatedKafka
    sides: Sequence[Side]
    own_sides: dict[str, Side]
    routes: Routes
    rate_caps: dict[str, RateCap]
    tenant_bounds: TenantLimits
    books: Observations
    prices: PriceList
    has_receipts: bool

    def server_time(self) -> datetime: ...
    def wake(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None: ...
    def published(self, process: str, topic: str, key: str, events: Sequence[Event]) -> None: ...
    def left(self, process: "Process") -> None: ...


class _Ledger:
    def __init__(self, world: Surroundings, gate: Gate, behind_seconds: float) -> None:
        vars(self).update(ports(world.ledger, gate))
        self._world, self._behind = world, timedelta(seconds=behind_seconds)

    def now(self) -> datetime:
        now = self._world.server_time() - self._behind
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def ping(self) -> None:
        if self._world.is_down("ledger"):
            raise _no_ledger()


def _no_ledger() -> Exception:
    from ledger.errors import LedgerUnavailable  # noqa: PLC0415

    return LedgerUnavailable("no answer")


def _bus_unanswered(why: str) -> Any:
    raise BusUnavailable(why)


class _Bus:
    def __init__(self, world: Surroundings, gate: Gate) -> None:
        self._world, self._gate = world, gate

    async def _step(self, name: str, effect: Any, *about: Any) -> Any:
        return await self._gate.step(name, effect, about, _bus_unanswered, "bus")

    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        async def effect() -> None:
            self._world.wake(lane, channel, chunk)

        await self._step("wake", effect, chunk)

    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        async def effect() -> None:
            await self._world.bus.publish_events(topic, key, events)
            self._world.published(self._gate.actor_name, topic, key, events)

        step = _PUBLISHED.get(EventType(events[0].type), "publish")
        if is_receipt_event_id(events[0].id):
            step = "publish_receipt"
        await self._step(step, effect, *(event.id for event in events))

    async def publish_dead_letter(self, letter: DeadLetter) -> None:
        async def effect() -> None:
            await self._world.bus.publish_dead_letter(letter)
            self._world.books.dead_letters.add(letter.origin)

        await self._step("dead_letter", effect, letter.origin)

    async def consumer_lag(self, topic: str, partition: int) -> int:
        async def effect() -> int:
            return self._world.kafka.lag(topic, partition)

        return int(await self._step("lag", effect, topic, partition))

    async def topic_exists(self, topic: str, *, may_be_new: bool = True) -> bool:
        del may_be_new
        return bool(await self._step("topic_exists", lambda: self._world.bus.topic_exists(topic), topic))

    async def topic_was_deleted(self, topic: str) -> bool:
        return bool(await self._step("topic_gone", lambda: self._world.bus.topic_was_deleted(topic), topic))


class _Provider:
    """Provider as one process calls it, with a time-out."""

    def __init__(self, world: Surroundings, process: str, side: Side, gate: Gate, reference: str | None = None) -> None:
        self._world, self._process, self._side, self._gate = world, process, side, gate
        self.name, self.channel, self.deduplicates = reference or side.name, side.channel, side.deduplicates
        self.rate_per_second, self.timeout_seconds = side.rate_per_second, side.timeout_seconds
        self.batch_size = side.batch_size
        self.needs_vendor_template = False
        self._open: dict[int, asyncio.Timeout] = {}
        self._stopped = False

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        if self._stopped:
            return [CLOSED] * len(drafts)
        messages = [await draft.prepare(as_it_is) for draft in drafts]
        for message in messages:
            self._world.books.called(self._process, self.name, message)
        ids = tuple(message.id for message in messages)
        answers: list[SendResult] = await self._gate.step(
            "send",
            lambda: self._in_time(messages, drafts[0].may_leave),
            ids,
            lambda why: self._unanswered(messages, why),
            "send",
        )
        return answers

    def _unanswered(self, messages: list[Message], why: str) -> list[SendResult]:
        if why == "not done":
            # The call failed on its way, which uses an attempt.
            self._side.offered.update(message.id for message in messages)
            return [Retry(Reason.UNAVAILABLE, why)] * len(messages)
        return self._side.no_answer(messages, why)

    async def _in_time(self, messages: list[Message], may_leave: Callable[[], bool]) -> list[SendResult]:
        number = len(self._world.books.calls)
        try:
            async with asyncio.timeout(self.timeout_seconds) as scope:
                self._open[number] = scope
                return await self._side.send(messages, may_leave)
        except TimeoutError:
            return self._side.no_answer(messages, "in time")
        finally:
            self._open.pop(number, None)

    def stop(self, within_seconds: float) -> None:
        self._stopped = True
        latest = self._world.loop.time() + within_seconds
        for scope in self._open.values():
            if not scope.expired():  # as providers/connection_slots.py does: after a freeze, some calls are just ending
                scope.reschedule(min(scope.when() or latest, latest))

    async def check(self) -> str | None:
        return None

    async def aclose(self) -> None:
        return None


class Process(Actor):
    """Consumer, composed as consumer/app.py does it."""

    def __init__(self, world: Surroundings, name: str, limits: Tuning, sealer: Sealer) -> None:
        super().__init__(name)
        self._world = world
        gate = Gate(world, self)
        self.began_at = world.loop.time()
        self.jumped = world.rng.uniform(0, 1000)
        """Seconds by which its own clock is ahead of the clock of the world. It never decreases."""
        providers = [_Provider(world, name, side, gate) for side in world.sides]
        ledger: Any = _Ledger(world, gate, world.rng.uniform(0, 0.2))
        is_limited = world.rate_caps or world.tenant_bounds != TenantLimits() or world.own_sides
        limited: Any = ledger if is_limited else world.ledger
        limits_of_providers = SharedLimits(world.rate_caps, limited.permits, self._monotonic, asyncio.sleep)
        tenants = TenantCache(limited.tenants, world.tenant_bounds, self._monotonic)

        def build(entry: ProviderEntry) -> Any:
            gateway, reference = str(entry.sender).split()
            return _Provider(world, name, world.own_sides[gateway], gate, reference)

        self.context = ConsumerContext(
            process_name=name,
            ledger=ledger,
            bus=_Bus(world, gate),  # type: ignore[arg-type]
            providers=Providers(providers, world.prices),  # type: ignore[arg-type]
            sealer=sealer,
            topics=TOPICS,
            tuning=limits,
            metrics=METRICS,
            readiness=ReadinessTracker(self._monotonic),
            request_cache=RequestCache(),
            provider_caller=ProviderCaller(METRICS, self._monotonic, asyncio.sleep),
            shared_limits=limits_of_providers,
            tenants=tenants,
            tenant_quotas=TenantQuotas(tenants, limited.permits, self._monotonic),
            tenant_providers=TenantProviders(sealer, build, limits_of_providers, self._monotonic),
            lane_priority=LanePriority(),
            circuit_breaker=IntakeCircuitBreaker(None),
            reply_topics=ReplyTopicHealth(self._monotonic),
            monotonic=self._monotonic,
            random=world.rng.random,
            routes=world.routes,
            turn_budget=ENDLESS,
        )
        self._gate, self._claimer = gate, Claimer(self.context)
        self.slots, self.sweep_slots = build_slots(2), build_slots(2)
        self._reading = OffsetTracker(self.context.stopping, self.context.sleep)
        self._expansions = {topic: ExpansionQueue(CLUSTER, self.context) for topic in TOPICS.intake}
        self._calls = WakeUpQueue(self._claimer, self.slots, self.context)
        self._receipts = ReceiptQueue(self.context)
        self._tasks: list[asyncio.Task[Any]] = []

    def _monotonic(self) -> float:
        return self._world.loop.time() + self.jumped

    def start(self) -> None:
        """Join the groups, and start to read and to sweep."""
        loop = self._world.loop
        self._world.kafka.join(self)
        readers = [self._intake(topic) for topic in TOPICS.intake]
        readers += [self._wake_ups(lane) for lane in Lane]
        if self._world.has_receipts:
            readers.append(self._read_receipts())
        self._tasks = [loop.start(self, reader) for reader in readers]
        self._tasks.append(loop.start(self, self._calls.run()))
        self._tasks.append(loop.start(self, self._commit_positions()))
        sweeper = Sweeper(self.context, self._claimer, self.sweep_slots, self.slots, PERIODS, BATCH_SIZES)
        self._tasks.append(loop.start(self, sweeper.run()))
        if self._world.own_sides:
            self._tasks.append(loop.start(self, keep_tenant_providers(self.context)))

    async def _intake(self, topic: str) -> None:
        while True:
            read = await self._world.kafka.read(self, topic)
            commit = partial(self._commit, "commit", read.partition, read.generation)
            await self._expansions[topic].submit(read.record, self._reading.start(read.record, commit))

    async def _wake_ups(self, lane: Lane) -> None:
        while True:
            read = await self._world.kafka.read(self, WAKE_UPS[lane])
            commit = partial(self._commit, "commit_wake_up", read.partition, read.generation)
            await self._calls.enqueue(lane, read.record, self._reading.start(read.record, commit))

    async def _read_receipts(self) -> None:
        while True:
            read = await self._world.kafka.read(self, TOPICS.receipts)
            commit = partial(self._commit, "commit_receipt", read.partition, read.generation)
            await self._receipts.submit(read.record, self._reading.start(read.record, commit))

    async def _commit_positions(self) -> None:
        """Commit positions that were reached without a record, as consumer/kafka/read_positions.py does it."""
        generations: dict[tuple[str, int], int] = {}
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for partition in self._world.kafka.assigned(self):
                at, generation = (partition.topic, partition.number), partition.generation
                step = _COMMITS.get(partition.topic, "commit_wake_up")
                commit = partial(self._commit, step, partition, generation)
                repeat = generations.get(at) != generation
                if self._reading.commit_position(at, partition.position, commit, repeat=repeat):
                    generations[at] = generation

    async def _commit(self, step: str, partition: Partition, generation: int, until: int) -> bool:
        async def effect() -> bool:
            with contextlib.suppress(CommitFailed):  # another process has the partition by now
                await self._world.kafka.commit(partition, generation, until)
            return True

        about = (f"{partition.topic}/{partition.number}/{until}",)
        return bool(await self._gate.step(step, effect, about, lambda _: False, "bus"))

    async def stop(self) -> None:
        """Stop as consumer/service.py does after SIGTERM."""
        context = self.context
        context.stopping.set()
        context.provider_caller.close()
        context.shared_limits.close()
        context.providers.stop(PROVIDER_GRACE_SECONDS)
        context.tenant_providers.stop(PROVIDER_GRACE_SECONDS)
        self._world.kafka.leave(self)
        slots = (*self.slots.values(), *self.sweep_slots.values())
        if self._world.has_receipts:
            slots = (*slots, self._receipts)
        await asyncio.gather(*(each.drain(DRAIN_SECONDS) for each in slots))
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0.5)
        self._world.left(self)
