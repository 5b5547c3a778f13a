"""Measured run: publish a request, wait for its completion, and read its start and end from Kafka.

The clock starts with the timestamp of the first intake record and stops with that of `request.completed`. That event
comes after the last result event was acknowledged and the last chunk was closed. This is the same for both sides, and
needs no reader of the results beside them. A smaller request goes first, so that connections and code are warm.
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


class IncompleteRun(Exception):  # noqa: N818  # a failed measurement, not an error of the code
    """A side did not finish its work, so the run is not valid."""


@dataclass(frozen=True, slots=True)
class Run:
    """Figures of one run of one side."""

    side: str
    number: int
    recipients: int
    seconds: float
    peak_mib: float
    cpu_seconds: float
    """Processor time of this side's process, user and system."""

    @property
    def rate(self) -> float:
        """Return recipients per second."""
        return self.recipients / self.seconds


def measure(side: Side, number: int, recipients: int) -> Run:
    """Measure one run in a new process."""
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
    """Publish a request and wait for its completion. Return the seconds. Raise IncompleteRun."""
    results = f"{side.prefix}.results"
    records, key = order.records(), order.request_id.encode()
    options: dict[str, Any] = {"bootstrap_servers": side.stack.kafka_bootstrap}
    async with AIOKafkaProducer(**options, acks="all", max_request_size=2**21) as producer:
        partitions = sorted(await producer.partitions_for(results))
        at = TopicPartition(results, DefaultPartitioner()(key, partitions, partitions))
        async with AIOKafkaConsumer(**options, enable_auto_commit=False) as consumer:
            consumer.assign([at])
            end_before = (await consumer.end_offsets([at]))[at]
            sent = [await producer.send(f"{side.prefix}.bulk.requests", value, key=key) for value in records]
            began_ms = (await sent[0]).timestamp
            await _announced(side, number, child, order)
            end = (await consumer.end_offsets([at]))[at]
            consumer.seek(at, end - 1)
            last = await consumer.getone(at)
    types = dict(last.headers)
    if types["ce_type"] != b"request.completed" or end - end_before != order.recipients + len(records) + 1:
        raise IncompleteRun(f"{order.request_id}: {end - end_before} events for {order.recipients} recipients")
    return (int(last.timestamp) - int(began_ms)) / 1000


async def _announced(side: Side, number: int, child: Child, order: Order) -> None:
    """Wait until the completion is published, and check the counts in the ledger."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    with MongoClient[dict[str, Any]](side.stack.mongo_url) as client:
        database = client[side.database(number)]
        query = {"head.request_id": order.request_id}
        while not (request := database["requests"].find_one({**query, "announced": True}, {"completion": True})):
            if child.exit_code() is not None or time.monotonic() > deadline:
                raise IncompleteRun(f"{order.request_id} was not completed: {child.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)
        logs = database["communication_logs"].count_documents({"request_id": order.request_id})
    if logs != order.recipients or request["completion"]["by_status"] != {"sent": logs}:
        raise IncompleteRun(f"{order.request_id}: {logs} logs for {order.recipients} recipients")


def _cpu_seconds(child: Child) -> float:
    times = Process(child.pid).cpu_times()
    return float(times.user + times.system)
