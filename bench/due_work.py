"""Deferred deliveries on a real stack with two consumers, and their lateness.

Half of them are scheduled: requests of one recipient, each with its own `send_at`. Half are retries: recipients of some
larger requests whose provider asks for a delay of some seconds, so that one chunk has entries due at many times.
Beside them there are requests of one recipient that are due at once, as login codes are.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient
from pymongo.database import Database

from bench.due_gateway import AGAIN, AT_ONCE, SCHEDULED, Gateway
from bench.installation import Installation
from bench.scenario import Place
from bench.small_traffic import Traffic
from bench.workload import Order
from devstack import Stack, StackError
from devstack.processes import free_port

IDLE, BULK, SLOW = "idle", "beside a bulk", "beside a slow provider"
"""Other work of the consumers: none, a large bulk request, or as much due work again whose provider takes 5 s."""
SLOW_MS = 5_000
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Number of due deliveries, and the times at which they are due."""

    moments: int
    seconds: int
    """Seconds over which they are due."""
    bulk: int
    """Recipients of the bulk request beside them."""

    @property
    def lead_seconds(self) -> int:
        """Return the seconds from publication to the first due time. Everything must be in the ledger by then."""
        return 15 + self.moments // 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one run beside other work."""

    late: Mapping[str, Sequence[float]]
    """Seconds after the due time, by kind."""
    bulk: int
    """Recipients of the bulk request that were finished by then."""
    commands: float
    """MongoDB commands per second of the two consumers without any work. 0 if that was not measured."""


def maximum(place: Place, requests: int) -> float:
    """Return the small requests per second that two consumers complete in a burst."""
    installation = Installation(place, "maximum")
    with (
        installation.consumer(0) as child,
        installation.consumer(1),
        Traffic(installation, child).reading() as traffic,
    ):
        return traffic.maximum(requests)


async def measure(place: Place, beside: str, plan: Plan) -> Outcome:
    """Measure the lateness beside other work. Raise StackError if not all deliveries reach the provider in time."""
    gateway, port, bulk, commands = Gateway(), free_port(), 0, 0.0
    await gateway.start(port)
    providers = [
        {"name": "gateway", "kind": "http", "channel": "email", "url": f"http://127.0.0.1:{port}/", "concurrency": 500},
        {"name": "other", "kind": "simulator", "channel": "sms", "latency_ms": SLOW_MS if beside == SLOW else 0},
    ]
    installation = await asyncio.to_thread(Installation, place, beside.replace(" ", "-"), PROVIDERS=providers)
    name = installation.prefix
    with contextlib.ExitStack() as held, MongoClient[dict[str, Any]](place.stack.mongo_url) as client:
        for number in range(2):
            await asyncio.to_thread(held.enter_context, installation.consumer(number))
        if beside == IDLE:
            commands = await commands_per_second(client)
        async with publisher(place.stack) as producer:
            first = datetime.now(UTC) + timedelta(seconds=plan.lead_seconds)
            requests = await publish(producer, name, beside, plan, first)
            await all_in_the_ledger(client[name], requests, first)
            if beside == BULK:
                await publish_bulk(producer, name, plan)
            await publish_at_once(producer, name, plan)
            await all_asked(gateway, plan)
            if beside == BULK:
                logged = client[name]["communication_logs"].estimated_document_count()
                bulk = logged - sum(map(len, gateway.late.values()))
    await gateway.aclose()
    return Outcome(gateway.late, bulk, commands)


def publisher(stack: Stack) -> AIOKafkaProducer:
    """Return a producer for use in a `with`."""
    options: dict[str, Any] = {"bootstrap_servers": stack.kafka_bootstrap, "max_request_size": 2**20}
    return AIOKafkaProducer(acks="all", linger_ms=5, **options)


async def publish(producer: AIOKafkaProducer, prefix: str, beside: str, plan: Plan, first: datetime) -> int:
    """Publish all deferred requests. Return their number."""
    express, requests = f"{prefix}.bulk.requests.express", f"{prefix}.bulk.requests"
    records = [(express, record) for record in scheduled(plan, "email", first)]
    if beside == SLOW:
        records += [(express, record) for record in scheduled(plan, "sms", first)]
    records += [(requests, record) for record in retried(plan)]
    sent = [
        await producer.send(topic, orjson.dumps(record), key=record["request_id"].encode()) for topic, record in records
    ]
    await asyncio.gather(*sent)
    return len(records)


async def publish_bulk(producer: AIOKafkaProducer, prefix: str, plan: Plan) -> None:
    """Publish a bulk request beside the due work, shortly before the first due time."""
    order = Order("bulk", plan.bulk)
    sent = [await producer.send(f"{prefix}.bulk.requests", value, key=b"bulk") for value in order.records()]
    await asyncio.gather(*sent)


async def publish_at_once(producer: AIOKafkaProducer, prefix: str, plan: Plan) -> None:
    """Publish requests of one recipient that are due at once: a tenth as many as all others, spread evenly."""
    number = plan.moments // 10
    for at in range(number):
        await asyncio.sleep(plan.seconds / number)
        reference = f"{AT_ONCE}:{round(time.time() * 1000)}"
        record = _record(f"at-once-{at}", "email", [(at, reference)])
        await producer.send(f"{prefix}.bulk.requests.express", orjson.dumps(record))


async def all_in_the_ledger(database: Database[dict[str, Any]], number: int, first: datetime) -> None:
    """Wait until `number` requests are expanded and the first due time is near. Raise StackError if it is too late."""
    while (expanded := database["requests"].count_documents({"counted.0": {"$exists": True}})) < number:
        if datetime.now(UTC) > first:
            raise StackError(f"{number - expanded} of {number} requests were not expanded before the first was due")
        await asyncio.sleep(0.5)
    await asyncio.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds() - 2))


def scheduled(plan: Plan, channel: str, first: datetime) -> Iterator[dict[str, Any]]:
    """Yield scheduled requests of one recipient, spread evenly."""
    number = plan.moments // 2
    for at in range(number):
        due = first + timedelta(seconds=plan.seconds * at / number)
        reference = f"{SCHEDULED}:{round(due.timestamp() * 1000)}"
        yield _record(f"{channel}-{at}", channel, [(at, reference)], send_at=due.isoformat(timespec="milliseconds"))


def retried(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a few requests of some chunks each. Each recipient has its own delay, in whole seconds as in the header."""
    rng, number, size = Random(8), plan.moments - plan.moments // 2, 750
    for first in range(0, number, size):
        lines = range(first, min(first + size, number))
        waits = [plan.lead_seconds + rng.randrange(plan.seconds) for _ in lines]
        yield _record(
            f"again-{first}", "email", [(at, f"{AGAIN}:{wait}") for at, wait in zip(lines, waits, strict=True)]
        )


def _record(request_id: str, channel: str, lines: list[tuple[int, str]], **fields: Any) -> dict[str, Any]:
    people = [
        {"to": f"r{at}@example.com" if channel == "email" else f"138{at:08d}", "reference": reference}
        for at, reference in lines
    ]
    shared = {"channel": channel, "content": "hello", "subject": "hello", "tenant_id": "tnt_due"}
    return {**shared, "request_id": request_id, "recipients": people, **fields}


async def all_asked(gateway: Gateway, plan: Plan) -> None:
    """Wait until the provider got every delivery after its due time. Raise StackError if that takes too long."""
    deadline = time.monotonic() + plan.lead_seconds + plan.seconds + PATIENCE_SECONDS
    number = plan.moments + plan.moments // 10
    while (received := sum(map(len, gateway.late.values()))) < number:
        if time.monotonic() > deadline:
            raise StackError(f"{number - received} of {number} deliveries did not reach the provider")
        await asyncio.sleep(0.2)


async def commands_per_second(client: MongoClient[dict[str, Any]]) -> float:
    """Return the commands per second that idle consumers send to MongoDB."""

    def count() -> int:
        commands = client.admin.command("serverStatus")["metrics"]["commands"]
        names = ("find", "findAndModify", "ping", "aggregate", "count", "update", "getMore")
        return sum(int(commands[name]["total"]) for name in names if name in commands)

    before, seconds = count(), 10
    await asyncio.sleep(seconds)
    return (count() - before) / seconds
