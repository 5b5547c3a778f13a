"""Measured run of requests of any size by several programs, each with topics and a database of its own.

The clock starts right before the first publication and stops with the timestamp of the last event. Where requests are
completed, that is a `request.completed`. A program that is not the product prints READY after its start. It has the
arguments BOOTSTRAP, PREFIX, MONGO_URL and DATABASE. Every program handles some requests first, so that connections and
code are warm.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pymongo import MongoClient
from pymongo.database import Database

from bench.batches import BatchPublisher, Headers
from bench.installation import Installation
from bench.processes import cpu_seconds, peak_mib
from bench.ready import READY
from bench.scenario import Place
from bench.workload import Order
from devstack import StackError
from devstack.processes import Child, wait_until_ready
from devstack.services import start_service

WARM_UP_RECIPIENTS = 5_000
_DEADLINE_SECONDS = 600.0
_READY_SECONDS = 120.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """Figures of one run of one program."""

    rate: float
    """Requests or recipients per second."""
    peak_mib: float
    cpu_seconds: float
    """Processor time of the program's process, user and system."""


@dataclass(frozen=True, slots=True)
class Work:
    """Work of a program as intake records for one topic, and the number of events that tell that it is done."""

    topic: str
    """Last part of the topic's name, without the prefix."""
    records: Sequence[tuple[bytes, bytes]]
    """Key and value of each."""
    number: int
    """Number of requests or recipients, which is what the rate counts."""
    events: int


@dataclass(frozen=True, slots=True)
class Program:
    """Program to measure."""

    name: str
    """Name in the figures. It is a part of the names of topics and databases too."""
    module: str | None = None
    """Module that is its command. None: the consumer of the product."""

    def measure(self, place: Place, warm_up: Work, work: Work) -> Run:
        """Measure the program in a new process. Raise StackError if it ended or took too long."""
        with self._started(place) as (child, prefix):
            asyncio.run(self._take(place, child, prefix, warm_up))
            before = cpu_seconds(child)
            seconds = asyncio.run(self._take(place, child, prefix, work))
            done = Run(work.number / seconds, peak_mib(child), cpu_seconds(child) - before)
        with MongoClient[dict[str, Any]](place.stack.mongo_url) as client:
            if self.module is None:
                self._check(client[prefix], warm_up.number + work.number)
            client.drop_database(prefix)
        return done

    def _check(self, database: Database[dict[str, Any]], recipients: int) -> None:
        """Raise StackError unless each recipient has a log that says `sent`. An event may say anything."""
        sent = database["communication_logs"].count_documents({"status": "sent"})
        if sent != recipients:
            raise StackError(f"{self.name}: {sent:,} of {recipients:,} recipients were sent their message")

    @contextlib.contextmanager
    def _started(self, place: Place) -> Iterator[tuple[Child, str]]:
        """Set up topics and indexes, and start the program. Yield its process and the prefix of its topics."""
        slug = self.name.lower().replace(" ", "-")
        installation, log = Installation(place, slug, **self.settings()), place.folder / f"{slug}.log"
        prefix = installation.prefix
        if self.module is None:
            with installation.consumer() as child:
                yield child, prefix
            return
        addresses = [place.stack.kafka_bootstrap, prefix, place.stack.mongo_url, prefix, *self.more_arguments()]
        with start_service([sys.executable, "-m", self.module, *addresses], installation.env, log=log) as child:
            wait_until_ready(child, lambda: READY in log.read_text(), what=self.name, deadline_seconds=_READY_SECONDS)
            yield child, prefix

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the product that are not its defaults."""
        return {}

    def more_arguments(self) -> Sequence[str]:
        """Return the arguments after those of every program."""
        return ()

    async def hand_over(self, producer: AIOKafkaProducer, prefix: str, work: Work) -> float:
        """Publish the intake records. Return the time at which that began, as a POSIX timestamp."""
        intake, headers = BatchPublisher(producer, f"{prefix}.{work.topic}"), Headers()
        records = [(await intake.partition(key), key, value, headers) for key, value in work.records]
        began = time.time()
        await intake.publish(records)
        return began

    async def _take(self, place: Place, child: Child, prefix: str, work: Work) -> float:
        """Hand the work over and wait for all events. Return the seconds. Raise StackError if events are missing."""
        results, options = f"{prefix}.results", {"bootstrap_servers": place.stack.kafka_bootstrap}
        async with (
            AIOKafkaProducer(**options, acks="all", max_request_size=2**21) as producer,
            AIOKafkaConsumer(**options, enable_auto_commit=False) as consumer,
        ):
            every = [TopicPartition(results, at) for at in sorted(await producer.partitions_for(results))]
            consumer.assign(every)
            before = await consumer.end_offsets(every)
            began = await self.hand_over(producer, prefix, work)
            ends = await _ended(consumer, child, sum(before.values()) + work.events, every)
            written = [at for at in every if ends[at] > before[at]]
            return max([await _last_ms(consumer, at, ends) for at in written]) / 1000 - began


def bulk_work(name: str, recipients: int, each: int, make: Callable[[str, int], Order] = Order) -> Work:
    """Return the work of bulk requests of `each` recipients, with its events: accepted, outcomes and completed."""
    requests = orders(name, recipients, each, make)
    records = [(order.request_id.encode(), value) for order in requests for value in order.records()]
    return Work("bulk.requests", records, recipients, recipients + len(records) + len(requests))


def orders(name: str, recipients: int, each: int, make: Callable[[str, int], Order] = Order) -> list[Order]:
    """Return requests of `each` recipients. The last one has the rest."""
    return [make(f"{name}-{at}", min(each, recipients - at)) for at in range(0, recipients, each)]


async def _last_ms(consumer: AIOKafkaConsumer, at: TopicPartition, ends: dict[TopicPartition, int]) -> int:
    """Return the time of the last record of a partition."""
    consumer.seek(at, ends[at] - 1)
    return int((await consumer.getone(at)).timestamp)


async def _ended(
    consumer: AIOKafkaConsumer, child: Child, total: int, every: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Wait until the topic has `total` records. Return the ends of its partitions.

    This is cheaper than a query to MongoDB, which is busy.
    """
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while sum((ends := await consumer.end_offsets(every)).values()) < total:
        if child.exit_code() is not None or time.monotonic() > deadline:
            missing = total - sum(ends.values())
            raise StackError(f"{child.name}: {missing:,} events are missing: {child.last_words()}")
        await asyncio.sleep(_POLL_SECONDS)
    if (more := sum(ends.values()) - total) > 0:
        raise StackError(f"{child.name}: {more:,} events too many")
    return dict(ends)
