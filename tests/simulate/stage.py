"""Stage of a world: ledger, bus, Kafka, clock and observations, and the effects of processes on them."""

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from consumer.events import Event
from consumer.kafka.bus import BusRejected, BusTimeout
from consumer.kafka.memory_bus import MemoryBus
from consumer.kafka.record import KafkaRecord
from core.ids import ChunkId
from ledger.claims import ClaimResult
from ledger.memory import MemoryLedger
from providers.prices import NO_PRICES
from schemas.results import ChunkPointer, EventType
from schemas.statuses import Channel, Lane
from tests.simulate.actors.process import WAKE_UPS
from tests.simulate.checks.observations import Observations, Published
from tests.simulate.checks.receipt_checker import ReceiptBooks
from tests.simulate.environment.faults import Coverage, Fault, Faults, receipt_cell
from tests.simulate.environment.kafka import SimulatedKafka
from tests.simulate.loop import WORLD, Actor, VirtualLoop
from tests.simulate.scenario import REPLIES, START, TOPICS

LEASE_SECONDS = 6.0
PARTITIONS = 3


class Topics(MemoryBus):
    """Bus whose topics can be restored."""

    def open_topic(self, topic: str) -> None:
        """Restore the topic, so that it accepts events again."""
        self._topics.add(topic)
        self._failing.pop(topic, None)


class Stage:
    """`trace` is None, or takes a line a step."""

    def __init__(self, seed: int, coverage: Coverage, trace: list[str] | None) -> None:
        self.seed, self.trace = seed, trace
        self.rng = rng = random.Random(seed)
        self.loop = VirtualLoop(random.Random(seed + 1))
        self.ledger = MemoryLedger(self.server_time)
        self.bus = Topics(TOPICS.results, REPLIES)
        self.failures: list[str] = []
        self.errors: list[str] = []
        """Log lines of the product that report faults of its code."""
        self.books = Observations(self.ledger, self.loop.time, self.fail)
        self.has_receipts = receipt_cell(seed) is not None
        topics = (TOPICS.requests, TOPICS.requests_express, *WAKE_UPS.values(), *[TOPICS.receipts] * self.has_receipts)
        self.kafka = SimulatedKafka(topics, PARTITIONS, rng, self._committed)
        self.faults = Faults(seed, rng, coverage)
        self.receipt_books: ReceiptBooks | None = None
        """Observations about receipts, in a world with receipts."""
        self.prices = NO_PRICES
        """Prices of the providers, in a world with budgets."""
        self.ages = False
        """True if all requests are complete and reach the end of their retention soon."""
        self.down_until = {"ledger": 0.0, "bus": 0.0}
        self.wakes = (0.0, 0.0, 0.0)
        """Probabilities that a wake-up message is lost, doubled and late."""

    # ------------------------------------------------------------------ effects of processes on the world

    def server_time(self) -> datetime:
        """Return the time of the ledger."""
        return START + timedelta(seconds=self.loop.time())

    def wake(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        """Publish a wake-up message, which may be lost, doubled or late."""
        lost, doubled, late = self.wakes
        rng = self.rng
        if rng.random() < lost:
            return
        value = ChunkPointer(chunk_id=chunk, channel=channel).model_dump_json().encode()
        for _ in range(1 + (rng.random() < doubled)):
            number, delay = rng.randrange(PARTITIONS), rng.uniform(0, 10) if rng.random() < late else 0.0
            call = self.kafka.append, (WAKE_UPS[lane], number, self.now_ms(), chunk.encode(), value)
            if delay:
                self.later(delay, lambda call=call: call[0](*call[1]))  # type: ignore[misc]
            else:
                call[0](*call[1])

    def published(self, process: str, topic: str, key: str, events: Sequence[Event]) -> None:
        """Note events that a process published to a topic."""
        now = self.loop.time()
        for event in events:
            self.books.published.append(Published(now, process, topic, key, event))
            if self.receipt_books:
                self.receipt_books.published(event)
            if event.type == EventType.REQUEST_REJECTED:
                self.books.rejected.add(event.id)

    def done(self, actor: Actor, step: str, about: tuple[Any, ...], said: Any) -> None:
        """Note the effect of a step."""
        if isinstance(said, ClaimResult):
            self.books.claimed(actor.name, said, LEASE_SECONDS)
            if actor.dead:  # the claim arrived after the process died
                self.books.killed(actor.name)
        elif step == "count_in_open_windows":
            self.books.ordered(about[0], said)
        elif step == "resume" and said:
            self.books.resumed(about[0])
        elif step == "reserve_resends":
            self.books.repeats.noted(about[1], said)
        elif step == "delete_kept" and self.receipt_books:
            self.receipt_books.deleted(about[0])
        elif step == "advance" and actor.dead:
            self.books.killed(actor.name)
        if self.trace is not None:
            self._note(actor, step, about, said)

    def noted(self, actor: Actor, step: str, about: tuple[Any, ...], fault: Fault) -> None:
        """Note a fault at a step."""
        if self.trace is not None:
            self._note(actor, f"!! {step}", about, fault.value)

    def note(self, what: str) -> None:
        """Write a line about the world itself to the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.loop.time():9.3f} ---- {what}")

    def fail(self, why: str) -> None:
        """Stop the world because of a violation."""
        self.failures.append(why)
        self.note(f"FAILED {why}")
        self.loop.stopped = True

    def lose_replies(self, seconds: float | None, *, deleted: bool) -> None:
        """Delete the reply topic, or let it reject or not answer, for a while or for good."""
        if deleted:
            self.bus.delete_topic(REPLIES)
        else:  # by the time, so that no random number is drawn and the worlds stay what they were
            is_silent = seconds is not None and int(1000 * seconds) % 2
            self.bus.fail_topic(REPLIES, BusTimeout("no answer") if is_silent else BusRejected("no permission"))
        self.books.replies_lost.add(self.loop.time(), math.inf)
        if seconds is not None:
            self.later(seconds, self.find_replies)

    def find_replies(self) -> None:
        """Restore the reply topic."""
        self.bus.open_topic(REPLIES)
        self.books.replies_lost.end(self.loop.time())

    def is_down(self, part: str) -> bool:
        """Return whether it does not answer now."""
        return self.down_until.get(part, 0.0) > self.loop.time()

    def later(self, delay: float, call: Callable[[], Any]) -> None:
        """Start a task of the world itself."""

        async def wait() -> None:
            await asyncio.sleep(delay)
            call()

        self.loop.start(WORLD, wait())

    def now_ms(self) -> int:
        """Return the time as the timestamp of a record."""
        return round((START.timestamp() + self.loop.time()) * 1000)

    def _note(self, actor: Actor, step: str, about: tuple[Any, ...], said: Any) -> None:
        if self.trace is not None:
            brief = self.books.brief_of
            line = f"{self.loop.time():9.3f} {actor.name:4} {step:16} {brief(about)} -> {brief(said)}"
            self.trace.append(line.rstrip())

    def _committed(self, record: KafkaRecord) -> None:
        if record.topic in TOPICS.intake and not self.ages:
            self.books.committed(record)
        elif record.topic == TOPICS.receipts and self.receipt_books:
            self.receipt_books.committed(record)
