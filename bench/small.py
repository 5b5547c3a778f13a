"""Command ``python -m bench.small``: requests of one recipient that one consumer expands and completes per second.

A login code is such a request. The limit is not the number of recipients but the work for each request.
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
RESULTS = "small.results"
EVENTS = 3
"""Number of events of a request: accepted, sent and completed."""
WARM = 100
"""Number of requests before the measurement, so that connections and code are warm."""


def main() -> int:
    """Measure and print one line per round. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.small", description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="rollcall-small-") as folder, start_stack() as stack:
            asyncio.run(measure(stack, Path(folder), options.requests, options.rounds))
    except StackError as error:
        sys.stdout.write(f"small: {error}\n")
        return 1
    return 0


async def measure(stack: Stack, folder: Path, number: int, rounds: int) -> None:
    """Measure rounds of `number` requests each, with one consumer."""
    provider = {"name": "simulator", "kind": "simulator", "channel": "sms"}
    env = service_env(stack, TOPIC_PREFIX="small", MONGO_DATABASE="small", PROVIDERS=[provider])
    env["ROLLCALL_CONSUMER_HTTP_PORT"] = str(free_port())
    run(["rollcall", "setup"], env, log=folder / "setup.log")
    consumer = start_service(["rollcall", "consumer"], env, ready_url(env, "consumer"), log=folder / "consumer.log")
    with consumer:
        await rate(stack, "warm", WARM)
        for nth in range(rounds):
            completed = await rate(stack, f"round-{nth}", number)
            sys.stdout.write(f"{completed:.0f} completed per second\n")


async def rate(stack: Stack, name: str, number: int) -> float:
    """Return requests per second, from the first publication until all are completed."""
    reader = AIOKafkaConsumer(RESULTS, bootstrap_servers=stack.kafka_bootstrap)
    await reader.start()
    try:
        return await _rate(stack, reader, name, number)
    finally:
        await reader.stop()


async def _rate(stack: Stack, reader: AIOKafkaConsumer, name: str, number: int) -> float:
    end = await records_of(reader, RESULTS) + EVENTS * number
    began = time.monotonic()
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, acks="all", linger_ms=5) as producer:
        topic = "small.bulk.requests.express"
        records = list(requests(name, number))
        sent = [await producer.send(topic, orjson.dumps(body), key=body["request_id"].encode()) for body in records]
        await asyncio.gather(*sent)
    while await records_of(reader, RESULTS) < end:
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise StackError(f"not all of {number} requests were completed within {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(0.1)
    return number / (time.monotonic() - began)


async def records_of(reader: AIOKafkaConsumer, topic: str) -> int:
    """Return the number of records in a topic. That is cheaper than a query to MongoDB, which is busy."""
    partitions = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic)]
    return sum((await reader.end_offsets(partitions)).values())


def requests(name: str, number: int) -> Iterator[dict[str, Any]]:
    """Yield requests of one recipient."""
    for at in range(number):
        people = [{"to": f"138{at:08d}"}]
        shared = {"channel": "sms", "content": "Your code is 123456", "tenant_id": "tnt_small"}
        yield {**shared, "request_id": f"{name}-{at}", "recipients": people}


if __name__ == "__main__":
    sys.exit(main())
