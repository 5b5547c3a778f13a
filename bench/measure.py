"""One measured run: publish an order, wait for its completion, read from Kafka when it began and ended.

The clock starts with the timestamp of the first intake record and stops with that of `request.completed`, which comes
after the last result event was acknowledged and the last chunk closed: for both sides the same, and without a reader of
the results beside them. A smaller order goes first, so that connections and code are warm.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner
from psutil import Process
from pymongo import MongoClient

from bench.sides import Side, peak_mib
from bench.workload import Order
from devstack.processes import Child

WARM_UP_RECIPIENTS = 5_000
_DEADLINE_SECONDS = 300.0
_POLL_SECONDS = 0.1


class WrongBooks(Exception):  # noqa: N818  # says what was measured, and that it is worth nothing
    """A side did not do its whole work."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of one side took."""

    side: str
    number: int
    recipients: int
    seconds: float
    peak_mib: float
    cpu_seconds: float
    """Of this side's own process, user and system."""

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self.recipients / self.seconds


def measure(side: Side, number: int, recipients: int) -> Run:
    """One run in a fresh process."""
    warm_up = Order(f"warm-{side.name}-{number}", min(recipients, WARM_UP_RECIPIENTS))
    order = Order(f"run-{side.name}-{number}", recipients)
    with side.started(number, [warm_up, order]) as child:
        asyncio.run(_take(side, number, child, warm_up))
        before = _cpu_seconds(child)
        seconds = asyncio.run(_take(side, number, child, order))
        done = Run(side.name, number, recipients, seconds, peak_mib(child), _cpu_seconds(child) - before)
    with MongoClient[dict[str, Any]](side.stack.mongo_url) as client:
        client.drop_database(side.database(number))
    return done


async def _take(side: Side, number: int, child: Child, order: Order) -> float:
    """Publish an order and wait; the seconds it took. Raises WrongBooks."""
    results = f"{side.prefix}.results"
    records, key = order.records(), order.request_id.encode()
    options: dict[str, Any] = {"bootstrap_servers": side.stack.kafka_bootstrap}
    async with AIOKafkaProducer(**options, acks="all", max_request_size=2**21) as producer:
        partitions = sorted(await producer.partitions_for(results))
        at = TopicPartition(results, DefaultPartitioner()(key, partitions, partitions))
        async with AIOKafkaConsumer(**options, enable_auto_commit=False) as consumer:
            consumer.assign([at])
            stood = (await consumer.end_offsets([at]))[at]
            sent = [await producer.send(f"{side.prefix}.bulk.requests", value, key=key) for value in records]
            began_ms = (await sent[0]).timestamp
            await _announced(side, number, child, order)
            end = (await consumer.end_offsets([at]))[at]
            consumer.seek(at, end - 1)
            last = await consumer.getone(at)
    types = dict(last.headers)
    if types["ce_type"] != b"request.completed" or end - stood != order.recipients + len(records) + 1:
        raise WrongBooks(f"{order.request_id}: {end - stood} events for {order.recipients} recipients")
    return (int(last.timestamp) - int(began_ms)) / 1000


async def _announced(side: Side, number: int, child: Child, order: Order) -> None:
    """Wait until the completion is noted and hold the ledger to its counts."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    with MongoClient[dict[str, Any]](side.stack.mongo_url) as client:
        database = client[side.database(number)]
        which = {"head.request_id": order.request_id}
        while not (found := database["requests"].find_one({**which, "announced": True}, {"completion": True})):
            if child.exit_code() is not None or time.monotonic() > deadline:
                raise WrongBooks(f"{order.request_id} was not completed: {child.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)
        logs = database["communication_logs"].count_documents({"request_id": order.request_id})
    if logs != order.recipients or found["completion"]["by_status"] != {"sent": logs}:
        raise WrongBooks(f"{order.request_id}: {logs} logs for {order.recipients} recipients")


def _cpu_seconds(child: Child) -> float:
    times = Process(child.pid).cpu_times()
    return float(times.user + times.system)
