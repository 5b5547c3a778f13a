"""A whole consumer in one process on the in-memory twins, and crashes between any two of its steps."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from consumer.context import ConsumerContext, Tuning
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.deliver import deliver
from consumer.expand.expand import expand
from consumer.flow_control.circuit_breaker import IntakeCircuitBreaker
from consumer.flow_control.lane_priority import LanePriority
from consumer.flow_control.reply_topic_health import ReplyTopicHealth
from consumer.flow_control.shared_limits import SharedLimits
from consumer.flow_control.tenant_cache import TenantCache
from consumer.flow_control.tenant_quotas import TenantQuotas
from consumer.kafka.memory_bus import MemoryBus
from consumer.kafka.record import KafkaRecord
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.readiness import ReadinessTracker
from consumer.provider_caller import ProviderCaller
from consumer.request_cache import RequestCache
from consumer.sweep.unfinished_requests import UnfinishedRequests
from consumer.tenants.tenant_providers import TenantProviders
from core.ids import ChunkId, request_key
from core.retry import RetryPolicy
from core.routes import Routes
from core.send_result import Message, SendResult, Sent
from ledger.memory import MemoryLedger
from ledger.sealed_text import unseal_template
from ledger.sealing import Sealer
from providers.draft import Draft, as_it_is
from providers.entries import ProviderEntry
from providers.prices import PriceList
from providers.provider import OneByOne
from providers.registry import Providers
from schemas.statuses import Channel, Lane
from schemas.tenant_settings import TenantLimits
from schemas.topic_definitions import Topics
from tests.support.builders import LEDGER_PORTS

TOPICS = Topics()
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LEASE_SECONDS = 30.0


class Killed(BaseException):
    """A killed process: no step of it happens any more."""


@dataclass
class RecordingProvider(OneByOne):
    """A provider that writes down what it takes before it answers."""

    name: str = "book"
    channel: Channel = Channel.SMS
    deduplicates: bool = False
    needs_vendor_template: bool = False
    rate_per_second: float | None = None
    timeout_seconds: float = 10.0
    answers: Callable[[Message, int], SendResult] = lambda message, _: Sent(f"m-{message.id}")
    """Given the message and how often it was called for it before."""
    taken: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    texts: dict[str, Message] = field(default_factory=dict)

    async def send_one(self, draft: Draft) -> SendResult:
        message = await draft.prepare(as_it_is)
        answer = self.answers(message, self.calls[message.id])
        self.calls[message.id] += 1
        if isinstance(answer, Sent) and not (self.deduplicates and self.taken[message.id]):
            self.taken[message.id] += 1
        self.texts[message.id] = message
        return answer

    async def check(self) -> str | None:
        return None

    def stop(self, within_seconds: float) -> None:
        del within_seconds  # it answers at once

    async def aclose(self) -> None:
        return None


class Steps:
    """Counts the steps of a process and kills it before or after a chosen one."""

    def __init__(self, kill_at: int | None = None, *, after: bool = False) -> None:
        self.done: list[str] = []
        self._kill_at, self._after, self.dead = kill_at, after, False

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if self.dead:
            raise Killed
        here = len(self.done) == self._kill_at
        self.done.append(name)
        if here and not self._after:
            self.dead = True
            raise Killed
        result = await call()
        if here:
            self.dead = True
            raise Killed
        await asyncio.sleep(0)
        if self.dead:
            raise Killed
        return result


class Stepwise:
    """Any object, each of whose coroutine methods is a step that may be the last; so are those of its `parts`."""

    def __init__(self, inner: object, steps: Steps, name: str, parts: Sequence[str] = ()) -> None:
        self._inner, self._steps, self._name, self._parts = inner, steps, name, parts

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name in self._parts:
            return Stepwise(value, self._steps, name)
        if asyncio.iscoroutinefunction(value):
            label = f"{self._name}.{name}"
            return lambda *args, **named: self._steps.step(label, lambda: value(*args, **named))
        return value


def stepwise_ledger(ledger: MemoryLedger, steps: Steps) -> Any:
    """Return the ledger with each method of each port as a step that may be the last."""
    return Stepwise(ledger, steps, "ledger", LEDGER_PORTS)


class World:
    """The ledger, the bus and the providers that outlive every process; its clock moves only when it is told to."""

    def __init__(self, *providers: RecordingProvider, reply_topics: Sequence[str] = ()) -> None:
        self.time = START
        self.ledger = MemoryLedger(lambda: self.time)
        self.bus = MemoryBus(TOPICS.results, *reply_topics)
        self.providers = providers or (RecordingProvider(), RecordingProvider("post", Channel.EMAIL))
        self.prices = PriceList()
        self.with_unsubscribe_uri: frozenset[str] = frozenset()
        self.sealer = Sealer([("k1", bytes(32))])
        self.limits = Tuning(
            chunk_size=4,
            window_size=2,
            lease_seconds=LEASE_SECONDS,
            retry=RetryPolicy(max_attempts=3, max_age=timedelta(days=1)),
            part_timeout_seconds=3600,
            default_region="CN",
            reply_topics=tuple(reply_topics),
        )
        self.routes = Routes()
        self.own: dict[str, RecordingProvider] = {}
        """Providers of tenants by their `sender`, which says what is in the configuration."""
        self._processes, self._offsets = itertools.count(), itertools.count()

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def context(self, steps: Steps | None = None) -> ConsumerContext:
        """A new process."""
        steps = steps or Steps()
        metrics = Metrics()
        providers = [Stepwise(provider, steps, provider.name) for provider in self.providers]

        async def sleep(seconds: float) -> None:
            del seconds  # nothing waits for the clock of this machine
            await asyncio.Event().wait()

        def build(entry: ProviderEntry) -> Any:
            return Stepwise(self.own[str(entry.sender)], steps, "own")

        ledger = stepwise_ledger(self.ledger, steps)
        limits = SharedLimits({}, self.ledger.permits, self._monotonic, sleep)
        tenants = TenantCache(self.ledger.tenants, TenantLimits(), self._monotonic)
        return ConsumerContext(
            process_name=f"p{next(self._processes)}",
            ledger=ledger,
            bus=Stepwise(self.bus, steps, "bus"),  # type: ignore[arg-type]
            providers=Providers(providers, self.prices, self.with_unsubscribe_uri),  # type: ignore[arg-type]
            sealer=self.sealer,
            topics=TOPICS,
            tuning=self.limits,
            metrics=metrics,
            readiness=ReadinessTracker(self._monotonic),
            request_cache=RequestCache(),
            provider_caller=ProviderCaller(metrics, self._monotonic, sleep),
            shared_limits=limits,
            tenants=tenants,
            tenant_quotas=TenantQuotas(tenants, self.ledger.permits, self._monotonic),
            tenant_providers=TenantProviders(self.sealer, build, limits, self._monotonic),
            lane_priority=LanePriority(),
            circuit_breaker=IntakeCircuitBreaker(None),
            reply_topics=ReplyTopicHealth(self._monotonic),
            monotonic=self._monotonic,
            random=lambda: 0.5,
            sleep=sleep,
            routes=self.routes,
        )

    def _monotonic(self) -> float:
        return (self.time - START).total_seconds()

    def record(
        self, *recipients: object, key: bytes = b"k", headers: Sequence[tuple[str, bytes | None]] = (), **said: Any
    ) -> KafkaRecord:
        body = {
            "channel": "sms",
            "content": "hello",
            "recipients": list(recipients),
            "tenant_id": "t1",
            "request_id": "r1",
            **said,
        }
        return self.raw(json.dumps({n: v for n, v in body.items() if v is not ...}).encode(), key, headers)

    def raw(
        self, value: bytes | None, key: bytes = b"k", headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> KafkaRecord:
        return KafkaRecord(
            topic=TOPICS.requests,
            partition=0,
            offset=next(self._offsets),
            timestamp_ms=round(START.timestamp() * 1000),
            key=key,
            value=value,
            headers=tuple(headers),
        )

    async def expand(self, record: KafkaRecord, context: ConsumerContext | None = None) -> None:
        await expand(record, "cluster", context or self.context())

    async def deliver_all(self, context: ConsumerContext | None = None) -> None:
        """Claim and deliver what a wake-up call names, then all that is due."""
        context = context or self.context()
        claimer = Claimer(context)
        while self.bus.wake_ups:
            *_, chunk = self.bus.wake_ups.pop(0)
            if taken := await claimer.claim_chunk(ChunkId(chunk)):
                await deliver(taken, context)
        for lane, channel, fresh in itertools.product(Lane, Channel, (False, True)):
            while taken := await claimer.claim_due((lane, channel), never_claimed=fresh):
                await deliver(taken, context)

    async def settle(self, rounds: int = 30) -> None:
        """Let time pass and healthy processes work until every request is completed and announced.

        A process that finds nothing left to do would change nothing, so only the time of its round passes.
        """
        for _ in range(rounds):
            if self._has_work():
                context = self.context()
                await self.deliver_all(context)
                unfinished = UnfinishedRequests(context)
                for request in await self.ledger.requests.take_unfinished(idle_seconds=1, limit=50):
                    await unfinished.finish(request)
            self.pass_time(700)

    def _has_work(self) -> bool:
        """Return whether a wake-up call waits, a chunk is open, or a request is not completed and announced."""
        store = self.ledger.requests._store
        unfinished = (document for document in store.requests.values() if not document.request.completion_published)
        return bool(self.bus.wake_ups) or any(store.open_chunks()) or any(unfinished)

    async def run_until_killed(self, work: Awaitable[None]) -> bool:
        """Whether the process died on the way."""
        try:
            await work
        except Killed:
            return True
        return False

    # ------------------------------------------------------------------ what can be seen afterwards

    def events(self, kind: str | None = None, topic: str = TOPICS.results) -> list[dict[str, Any]]:
        """The events a reader keeps that drops repeats; fails where two under one id contradict each other."""
        kept: dict[str, dict[str, Any]] = {}
        for _, event in self.bus.events[topic]:
            said = orjson.loads(event.body) | {"type": event.type}
            stood = kept.setdefault(event.id, said)
            assert stood == said, "an event was repeated with another content"
        return [said for said in kept.values() if kind is None or said["type"].startswith(kind)]

    async def logs(self, request_id: str = "r1", tenant_id: str = "t1") -> list[Any]:
        return [log async for log in self.ledger.logs.iterate_request(request_key(tenant_id, request_id))]

    async def outcomes(self, request_id: str = "r1") -> list[tuple[str, str | None]]:
        return [(log.outcome.value, log.reason.value if log.reason else None) for log in await self.logs(request_id)]


def replace_text(world: World, request_id: str, content: str) -> None:
    """Store another text with a request, as an older version may have accepted it."""
    key = request_key("t1", request_id)
    document = world.ledger.requests._store.requests[key]
    header = document.request.header
    fields = {**unseal_template(world.sealer, header), "content": content}
    sealed_text = world.sealer.seal(orjson.dumps(fields), key)
    document.request = replace(document.request, header=replace(header, sealed_text=sealed_text))


def awake(context: ConsumerContext) -> ConsumerContext:
    """A process whose waits end at once, the keeper of its leases aside: that one never gets a turn."""

    async def sleep(seconds: float) -> None:
        if seconds >= LEASE_SECONDS / 3:
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    return replace(context, sleep=sleep)
