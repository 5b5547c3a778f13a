"""What a recipient costs, counted on the real stack; and that the benchmark's ceiling pays the same.

Concurrent callers share no command here, so that the counts are exact. What they share is counted in
tests/contract/ledger/documents/test_shared_commands.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from pymongo import monitoring

from bench.ceiling import Ceiling, run
from bench.commands import Commands
from bench.costs import WRITES, CommandCosts, Costs, count_records
from bench.documents import CHUNK, WINDOW, prepare
from bench.workload import Order
from config.settings import load
from consumer.app import build_app
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.expand.expansion_queue import ExpansionQueue
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.read_positions import ReadPositions
from consumer.settings import ConsumerSettings
from consumer.subscribers import build_faststream
from devstack import Stack, services
from ledger.mongo import group_commit
from tests.support.polling import wait_until

ORDER = Order("req-costs", 10_000, part_recipients=5_000)
PARTS, CHUNKS, WINDOWS = 2, ORDER.recipients // CHUNK, CHUNK // WINDOW
SLOTS = 8
DEADLINE_SECONDS = 150
SMALL = 20


@dataclass(frozen=True, slots=True)
class Spent:
    """What one side spent on the order; `events` by their CloudEvents type."""

    costs: Costs
    events: dict[bytes, int]


@pytest.fixture(scope="module")
def listener() -> CommandCosts:
    listener = CommandCosts()
    monitoring.register(listener)
    return listener


@pytest.fixture(scope="module")
def spent(stack: Stack, listener: CommandCosts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spent]:
    """Both sides, one after the other, each with topics and a database of its own."""
    folder = tmp_path_factory.mktemp("costs")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(stack, "costs.product", folder).items():
            patch.setenv(name, value)
        patch.setattr(group_commit, "MAX_NUMBER", 1)
        product = asyncio.run(spend(running_product(), stack, "costs.product", listener))
    environment(stack, "costs.ceiling", folder)
    ceiling = asyncio.run(spend(running_ceiling(stack, "costs.ceiling"), stack, "costs.ceiling", listener))
    return {"product": product, "ceiling": ceiling}


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
    calls = WakeUpQueue(Claimer(context), service.slots, reading, context)
    expansions = {topic: ExpansionQueue("cluster", reading, context) for topic in context.topics.intake}
    positions = ReadPositions(reading, context.metrics, context.monotonic)
    app, _ = build_faststream(service.settings, context, expansions, calls, positions)
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


@asynccontextmanager
async def running_ceiling(stack: Stack, name: str) -> AsyncIterator[None]:
    ceiling = Ceiling(stack.kafka_bootstrap, name, Commands(stack.mongo_url, database(name)), [prepare(ORDER)])
    running = asyncio.create_task(run(ceiling, "ready"))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def spend(
    side: AbstractAsyncContextManager[None],
    stack: Stack,
    name: str,
    listener: CommandCosts,
    orders: tuple[Order, ...] = (ORDER,),
) -> Spent:
    """Hand the orders over, wait until each completion is noted, which is the last write, and count."""
    costs = Costs()
    async with side, AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, max_request_size=2**21) as producer:
        listener.watched[database(name)] = costs
        for order in orders:
            for value in order.records():
                await producer.send_and_wait(f"{name}.bulk.requests", value, key=order.request_id.encode())
        await wait_until(lambda: costs.counts["update", "requests"] >= len(orders), DEADLINE_SECONDS)
    del listener.watched[database(name)]
    return Spent(costs, await count_records(stack.kafka_bootstrap, name, ("chunks", "results"), costs))


def test_a_recipient_costs_one_log_and_one_event(spent: dict[str, Spent]) -> None:
    costs, events = spent["product"].costs, spent["product"].events
    assert costs.documents["communication_logs"] == ORDER.recipients
    assert events[b"delivery.sent"] == ORDER.recipients
    logging = {key: number for key, number in costs.writes().items() if key[1] == "communication_logs"}
    assert logging == {("insert", "communication_logs"): CHUNKS * WINDOWS}


def test_no_other_write_grows_with_the_recipients(spent: dict[str, Spent]) -> None:
    costs = spent["product"].costs
    to_chunks = sum(number for (_, where), number in costs.writes().items() if where == "chunks")
    least = CHUNKS * (1 + WINDOWS + 1)  # inserted, claimed, advanced between windows, closed
    assert least <= to_chunks <= least + CHUNKS  # one more where Kafka takes long to acknowledge
    assert costs.documents["chunks"] == CHUNKS
    to_requests = sum(number for (_, where), number in costs.writes().items() if where == "requests")
    assert to_requests <= 2 * PARTS + SLOTS + 2  # begun and counted; two may ask at once whether all is done
    assert {where for _, where in costs.writes()} == {"requests", "chunks", "communication_logs"}
    assert costs.counts["record", "chunks"] == CHUNKS
    assert costs.counts["record", "results"] == ORDER.recipients + PARTS + 1


def test_the_ceiling_writes_with_the_same_commands(spent: dict[str, Spent]) -> None:
    product, ceiling = (without_races(spent[side].costs.writes()) for side in ("product", "ceiling"))
    assert product == ceiling


def without_races(writes: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Whoever closes a chunk last asks for completion, and two may ask at once; the second write changes nothing."""
    return {key: number for key, number in writes.items() if key != ("findAndModify", "requests")}


def test_the_ceiling_reads_no_less(spent: dict[str, Spent]) -> None:
    product, ceiling = (spent[side].costs for side in ("product", "ceiling"))
    assert {key for key in product.counts if key[0] not in WRITES} == {
        key for key in ceiling.counts if key[0] not in WRITES
    }
    for costs in (product, ceiling):
        # For each chunk written, but the last of a part, what was ordered about its request; for each chunk closed
        # whether all are counted. Whoever finds no open chunk also asks for one inside the request, and then for counts
        # there, and two may find none at once.
        assert 0 <= costs.counts["find", "requests"] - (CHUNKS - PARTS + CHUNKS) <= 4
        # For each chunk of the second part its duplicates; then, for whoever closes late, what is open.
        assert CHUNKS // 2 + 2 <= costs.counts["find", "chunks"] <= CHUNKS // 2 + 2 * CHUNKS + 1


@pytest.mark.parametrize(
    "what",
    [
        ("insert", "chunks"),
        ("insert", "communication_logs"),
        ("findAndModify", "chunks"),
        ("update", "chunks"),
        ("record", "chunks"),
        ("record", "results"),
    ],
    ids=" ".join,
)
def test_the_ceiling_writes_the_same_bytes(what: tuple[str, str], spent: dict[str, Spent]) -> None:
    product, ceiling = (spent[side].costs.sizes[what] for side in ("product", "ceiling"))
    assert product
    assert ceiling == pytest.approx(product, rel=0.05)


def test_the_ceiling_sends_the_same_bytes_in_all(spent: dict[str, Spent]) -> None:
    product, ceiling = (spent[side].costs.sizes.total() for side in ("product", "ceiling"))
    assert product
    assert ceiling == pytest.approx(product, rel=0.05)


def test_a_request_of_one_recipient_costs_four_writes_and_no_read(
    stack: Stack, listener: CommandCosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(stack, "costs.small", tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(group_commit, "MAX_NUMBER", 1)
    orders = tuple(Order(f"req-small-{at}", 1, part_recipients=1) for at in range(SMALL))
    spent = asyncio.run(spend(running_product(), stack, "costs.small", listener, orders))
    each = {key: number / SMALL for key, number in spent.costs.counts.items() if key[0] != "record"}
    assert each == {
        ("update", "requests"): 3,  # written with its claimed chunk, closed and completed, announced
        ("insert", "communication_logs"): 1,
    }
    assert spent.costs.counts["record", "results"] == 3 * SMALL
