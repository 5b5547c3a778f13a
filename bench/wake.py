"""Command ``python -m bench.wake``: lateness of deferred deliveries, on a real stack, with two consumers.

Half of them are scheduled: requests of one recipient, each with its own `send_at`. Half are retries: recipients of some
larger requests whose provider asks for a delay of some seconds, so that one chunk has entries due at many times.
Beside them there are requests of one recipient that are due at once, as login codes are.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient
from pymongo.database import Database
from rich.console import Console
from rich.table import Table

from bench.wake_gateway import AGAIN, AT_ONCE, SCHEDULED, Gateway
from bench.workload import Order
from devstack import Stack, StackError, start_stack
from devstack.processes import free_port
from devstack.services import ready_url, run, service_env, start_service

PLACES = ("idle", "beside a bulk", "beside a slow provider")
"""Other work of the consumers: none, a large bulk request, or as much due work again whose provider takes 5 s."""
LEAD_SECONDS = 45
"""Seconds between publishing and the first due time. Everything must be in the ledger by then."""
SLOW_MS = 5_000
WITHIN_SECONDS = 1.0
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Number of due deliveries, and the time over which they are due."""

    moments: int
    seconds: int
    bulk: int
    """Recipients of the bulk request beside them."""


def main() -> int:
    """Measure each place and print a table. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.wake", description=__doc__)
    parser.add_argument("--moments", type=int, default=3_000, help="deliveries that are due")
    parser.add_argument("--seconds", type=int, default=30, help="seconds over which they are due")
    parser.add_argument("--bulk", type=int, default=300_000, help="recipients of the bulk request beside them")
    parser.add_argument("--only", choices=PLACES, help="measure only this place")
    options = parser.parse_args()
    console, plan = Console(width=120), Plan(options.moments, options.seconds, options.bulk)
    table = Table(title=f"lateness, seconds: {plan.moments:,} deliveries due over {plan.seconds} s, two consumers")
    for title in ("", "kind", "deliveries", "p50", "p99", "max", f"within {WITHIN_SECONDS:g} s", "commands/s"):
        table.add_column(title, justify="left" if title in ("", "kind") else "right")
    try:
        with tempfile.TemporaryDirectory(prefix="rollcall-wake-") as folder, start_stack() as stack:
            for place in PLACES:
                if options.only in (None, place):
                    for row in asyncio.run(measure(stack, Path(folder), place, plan)):
                        table.add_row(place, *row)
    except StackError as error:
        console.print(f"wake: {error}")
        return 1
    console.print(table)
    return 0


async def measure(stack: Stack, folder: Path, place: str, plan: Plan) -> list[tuple[str, ...]]:
    """Measure one place. Return a row for each kind."""
    name, port, gateway = f"wake-{PLACES.index(place)}", free_port(), Gateway()
    await gateway.start(port)
    slow = SLOW_MS if place == "beside a slow provider" else 0
    providers = [
        {"name": "gateway", "kind": "http", "channel": "email", "url": f"http://127.0.0.1:{port}/", "concurrency": 500},
        {"name": "other", "kind": "simulator", "channel": "sms", "latency_ms": slow},
    ]
    env = service_env(stack, TOPIC_PREFIX=name, MONGO_DATABASE=name, PROVIDERS=providers)
    await asyncio.to_thread(run, ["rollcall", "setup"], env, log=folder / "setup.log")
    envs = [env | {"ROLLCALL_CONSUMER_HTTP_PORT": str(free_port())} for _ in range(2)]
    with contextlib.ExitStack() as held, MongoClient[dict[str, Any]](stack.mongo_url) as client:
        for number, consumer_env in enumerate(envs):
            log = folder / f"{name}-{number}.log"
            starting = start_service(
                ["rollcall", "consumer"], consumer_env, ready_url(consumer_env, "consumer"), log=log
            )
            await asyncio.to_thread(held.enter_context, starting)
        idle = await commands_per_second(client) if place == "idle" else None
        async with publisher(stack) as producer:
            first = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS)
            number = await publish(producer, name, place, plan, first)
            await all_in_the_ledger(client[name], number, first)
            if place == "beside a bulk":
                await publish_bulk(producer, name, plan)
            await publish_at_once(producer, name, plan)
            await all_asked(gateway, plan)
            if place == "beside a bulk":
                logged = client[name]["communication_logs"].estimated_document_count()
                done = logged - sum(map(len, gateway.late.values()))
                sys.stdout.write(f"{done:,} of {plan.bulk:,} recipients of the bulk request were finished by then\n")
    await gateway.aclose()
    return [row_of(kind, late, idle) for kind, late in sorted(gateway.late.items())]


def publisher(stack: Stack) -> AIOKafkaProducer:
    """Return a producer for use in a `with`."""
    options: dict[str, Any] = {"bootstrap_servers": stack.kafka_bootstrap, "max_request_size": 2**20}
    return AIOKafkaProducer(acks="all", linger_ms=5, **options)


async def publish(producer: AIOKafkaProducer, prefix: str, place: str, plan: Plan, first: datetime) -> int:
    """Publish all deferred requests. Return their number."""
    express, requests = f"{prefix}.bulk.requests.express", f"{prefix}.bulk.requests"
    records = [(express, record) for record in scheduled(plan, "email", first)]
    if place == "beside a slow provider":
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
        waits = [LEAD_SECONDS + rng.randrange(plan.seconds) for _ in lines]
        yield _record(
            f"again-{first}", "email", [(at, f"{AGAIN}:{wait}") for at, wait in zip(lines, waits, strict=True)]
        )


def _record(request_id: str, channel: str, lines: list[tuple[int, str]], **fields: Any) -> dict[str, Any]:
    people = [
        {"to": f"r{at}@example.com" if channel == "email" else f"138{at:08d}", "reference": reference}
        for at, reference in lines
    ]
    shared = {"channel": channel, "content": "hello", "subject": "hello", "tenant_id": "tnt_wake"}
    return {**shared, "request_id": request_id, "recipients": people, **fields}


async def all_asked(gateway: Gateway, plan: Plan) -> None:
    """Wait until the provider got every delivery after its due time. Raise StackError if that takes too long."""
    deadline = time.monotonic() + LEAD_SECONDS + plan.seconds + PATIENCE_SECONDS
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


def row_of(kind: str, late: list[float], idle: float | None) -> tuple[str, ...]:
    """Return the table row of a kind."""
    share = sum(seconds <= WITHIN_SECONDS for seconds in late) / len(late)
    p50, p99 = statistics.median(late), statistics.quantiles(late, n=100)[98]
    commands = f"{idle:.1f} idle" if idle is not None else ""
    return kind, f"{len(late):,}", f"{p50:.2f}", f"{p99:.2f}", f"{max(late):.2f}", f"{share:.2%}", commands


if __name__ == "__main__":
    sys.exit(main())
