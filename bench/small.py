"""``python -m bench.small``: how many requests of one recipient a second one consumer takes up, and completes.

A login code is such a request. What limits it is not the recipients but the writes of a request: eight commands.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from devstack import Stack, StackError, start_stack
from devstack.processes import free_port
from devstack.services import ready_url, run, service_env, start_service

PATIENCE_SECONDS = 300.0
AFTER_EACH = {"small.chunks.express": 1, "small.results": 3}
"""How many records a request leaves: taken up, its chunk is called; then accepted, sent, completed."""
WARM = 100
"""Requests before those that count: connections and code are warm then."""


def main() -> int:
    """Measure, print a line a round; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.small", description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    said = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="rollcall-small-") as folder, start_stack() as stack:
            asyncio.run(measure(stack, Path(folder), said.requests, said.rounds))
    except StackError as error:
        sys.stdout.write(f"small: {error}\n")
        return 1
    return 0


async def measure(stack: Stack, folder: Path, number: int, rounds: int) -> None:
    """Rounds of so many requests each, with one consumer."""
    provider = {"name": "simulator", "kind": "simulator", "channel": "sms"}
    env = service_env(stack, TOPIC_PREFIX="small", MONGO_DATABASE="small", PROVIDERS=[provider])
    env["ROLLCALL_CONSUMER_HTTP_PORT"] = str(free_port())
    run(["rollcall", "setup"], env, log=folder / "setup.log")
    consumer = start_service(["rollcall", "consumer"], env, ready_url(env, "consumer"), log=folder / "consumer.log")
    with consumer:
        await rate(stack, "warm", WARM)
        for nth in range(rounds):
            taken, completed = await rate(stack, f"round-{nth}", number)
            sys.stdout.write(f"{taken:.0f} taken up, {completed:.0f} completed a second\n")


async def rate(stack: Stack, name: str, number: int) -> tuple[float, float]:
    """Requests a second from the first one's publishing until all are called for, and until all are completed."""
    reader = AIOKafkaConsumer(*AFTER_EACH, bootstrap_servers=stack.kafka_bootstrap)
    await reader.start()
    try:
        return await _rate(stack, reader, name, number)
    finally:
        await reader.stop()


async def _rate(stack: Stack, reader: AIOKafkaConsumer, name: str, number: int) -> tuple[float, float]:
    before = [await records_of(reader, topic) for topic in AFTER_EACH]
    began = time.monotonic()
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, acks="all", linger_ms=5) as producer:
        topic = "small.bulk.requests.express"
        records = list(requests(name, number))
        sent = [await producer.send(topic, orjson.dumps(one), key=one["request_id"].encode()) for one in records]
        await asyncio.gather(*sent)
    rates = []
    for (topic, each), stood in zip(AFTER_EACH.items(), before, strict=True):
        while await records_of(reader, topic) < stood + each * number:
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise StackError(f"not all of {number} requests were completed within {PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(0.1)
        rates.append(number / (time.monotonic() - began))
    return rates[0], rates[1]


async def records_of(reader: AIOKafkaConsumer, topic: str) -> int:
    """How many records a topic has: cheaper than asking MongoDB, which is at work."""
    partitions = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic)]
    return sum((await reader.end_offsets(partitions)).values())


def requests(name: str, number: int) -> Iterator[dict[str, Any]]:
    """Requests of one recipient."""
    for at in range(number):
        people = [{"to": f"138{at:08d}"}]
        shared = {"channel": "sms", "content": "Your code is 123456", "tenant_id": "tnt_small"}
        yield {**shared, "request_id": f"{name}-{at}", "recipients": people}


if __name__ == "__main__":
    sys.exit(main())
