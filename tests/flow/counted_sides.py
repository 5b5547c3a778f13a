"""One consumer in this process, and the counted costs of any side: commands, statements, records and their bytes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer

from bench.costs import CommandCosts, Costs, count_records
from bench.documents import CHUNK, WINDOW
from config.settings import load
from consumer.app import build_app
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.expand.expansion_queue import ExpansionQueue
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.read_positions import ReadPositions
from consumer.settings import ConsumerSettings
from consumer.settle.receipt_queue import ReceiptQueue
from consumer.subscribers import RecordQueues, build_faststream
from devstack import Stack, services
from tests.support.polling import wait_until

SLOTS = 8
DEADLINE_SECONDS = 150
TENANT_READ = ("find", "tenants")
"""Read of the settings of a tenant. A consumer does it every five seconds, however many messages it sends."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Records of a topic by their keys, and the number of updates of requests after which all is written."""

    topic: str
    records: Sequence[tuple[bytes, bytes]]
    updates: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What one side spent; `events` by their CloudEvents type."""

    costs: Costs
    events: dict[bytes, int]


def environment(stack: Stack, name: str, folder: Path) -> dict[str, str]:
    """The settings of a side whose topics and indexes are set up."""
    env = services.service_env(
        stack,
        TOPIC_PREFIX=name,
        MONGO_DATABASE=database(name),
        LEASE_SECONDS=600,  # so that no lease is renewed, however busy the machine is
        MAX_CHUNKS_IN_FLIGHT=SLOTS,
        CHUNK_SIZE=CHUNK,
        WINDOW_SIZE=WINDOW,
    )
    services.run(["rollcall", "setup", "--partitions", "3"], env, log=folder / f"{name}.log")
    return env


def database(name: str) -> str:
    return name.replace(".", "_")


@asynccontextmanager
async def running_product() -> AsyncIterator[None]:
    """The consumer without its sweeper, whose questions depend on how long it runs."""
    service = await build_app(load(ConsumerSettings))
    await service.bus.start()
    context, reading = service.context, OffsetTracker(service.context.stopping, service.context.sleep)
    calls = WakeUpQueue(Claimer(context), service.slots, context)
    expansions = {topic: ExpansionQueue("cluster", context) for topic in context.topics.intake}
    positions = ReadPositions(reading, context.metrics, context.monotonic)
    queues = RecordQueues(expansions, calls, ReceiptQueue(context))
    app, _ = build_faststream(service.settings, context, queues, positions)
    await app.start()
    serving = asyncio.create_task(calls.run())
    try:
        yield
    finally:
        serving.cancel()
        await reading.drain(5)
        await asyncio.gather(*(slots.drain(10) for slots in service.slots.values()))
        await app.stop()
        await service.bus.aclose()
        await service.ledger.aclose()


async def spend(
    side: AbstractAsyncContextManager[None], stack: Stack, name: str, listener: CommandCosts, intake: Intake
) -> Spent:
    """Hand the records over, wait until each completion is noted, which is the last write, and count."""
    costs = Costs()
    async with side, AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, max_request_size=2**21) as producer:
        listener.watched[database(name)] = costs
        for key, value in intake.records:
            await producer.send_and_wait(f"{name}.{intake.topic}", value, key=key)
        await wait_until(lambda: costs.statements["update", "requests"] >= intake.updates, DEADLINE_SECONDS)
    del listener.watched[database(name)]
    return Spent(costs, await count_records(stack.kafka_bootstrap, name, ("chunks", "results"), costs))
