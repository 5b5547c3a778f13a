"""Measured run of bulk requests: publish them, wait for their completion, and read start and end from Kafka.

The clock starts with the timestamp of the first intake record and stops with that of the last `request.completed`. That
event comes after the last result event was acknowledged and the last chunk was closed. This is the same for both sides,
and needs no reader of the results beside them. A smaller request goes first, so that connections and code are warm.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner
from psutil import Process
from pymongo import MongoClient
from pymongo.database import Database

from bench.sides import Side, peak_mib
from bench.workload import Order
from devstack import StackError
from devstack.processes import Child

WARM_UP_RECIPIENTS = 5_000
_DEADLINE_SECONDS = 600.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """Figures of one run of one side."""

    rate: float
    """Recipients per second."""
    peak_mib: float
    cpu_seconds: float
    """Processor time of this side's process, user and system."""


def measure(side: Side, recipients: int, each: int) -> Run:
    """Measure requests of `each` recipients in a new process."""
    warm_up = Order("warm", WARM_UP_RECIPIENTS)
    orders = [Order(f"run-{number}", each) for number in range(recipients // each)]
    with side.started([warm_up, *orders]) as child:
        asyncio.run(_take(side, child, [warm_up]))
        before = cpu_seconds(child)
        seconds = asyncio.run(_take(side, child, orders))
        done = Run(recipients / seconds, peak_mib(child), cpu_seconds(child) - before)
    with MongoClient[dict[str, Any]](side.stack.mongo_url) as client:
        client.drop_database(side.prefix)
    return done


async def _take(side: Side, child: Child, orders: Sequence[Order]) -> float:
    """Publish requests and wait for their completion. Return the seconds. Raise StackError if that is incomplete."""
    results = f"{side.prefix}.results"
    options: dict[str, Any] = {"bootstrap_servers": side.stack.kafka_bootstrap}
    async with AIOKafkaProducer(**options, acks="all", max_request_size=2**21) as producer:
        partitions = sorted(await producer.partitions_for(results))
        topic = f"{side.prefix}.bulk.requests"
        async with AIOKafkaConsumer(**options, enable_auto_commit=False) as consumer:
            every = [TopicPartition(results, partition) for partition in partitions]
            consumer.assign(every)
            before = sum((await consumer.end_offsets(every)).values())
            records = [(order.request_id.encode(), value) for order in orders for value in order.records()]
            sent = [await producer.send(topic, value, key=key) for key, value in records]
            began_ms = (await sent[0]).timestamp
            await _announced(side, child, orders)
            ends = await consumer.end_offsets(every)
            expected = sum(order.recipients for order in orders) + len(records) + len(orders)
            if sum(ends.values()) - before != expected:
                raise StackError(f"{side.name}: {sum(ends.values()) - before:,} events instead of {expected:,}")
            used = {DefaultPartitioner()(key, partitions, partitions) for key, _ in records}
            return float(max([await last_ms(consumer, results, at, ends) for at in used]) - began_ms) / 1000


async def last_ms(consumer: AIOKafkaConsumer, topic: str, partition: int, ends: dict[TopicPartition, int]) -> int:
    """Return the time of the last record of a partition."""
    at = TopicPartition(topic, partition)
    consumer.seek(at, ends[at] - 1)
    return int((await consumer.getone(at)).timestamp)


async def _announced(side: Side, child: Child, orders: Sequence[Order]) -> None:
    """Wait until all completions are published, and check the counts in the ledger."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    names = [order.request_id for order in orders]
    with MongoClient[dict[str, Any]](side.stack.mongo_url) as client:
        database: Database[dict[str, Any]] = client[side.prefix]
        query = {"head.request_id": {"$in": names}, "announced": True}
        while database["requests"].count_documents(query) < len(names):
            if child.exit_code() is not None or time.monotonic() > deadline:
                raise StackError(f"{side.name}: not all requests were completed: {child.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)
        logs = database["communication_logs"].count_documents({"request_id": {"$in": names}, "status": "sent"})
    if logs != sum(order.recipients for order in orders):
        raise StackError(f"{side.name}: {logs:,} logs of deliveries that were sent")


def cpu_seconds(child: Child) -> float:
    """Return the processor time of a process, user and system."""
    times = Process(child.pid).cpu_times()
    return float(times.user + times.system)
