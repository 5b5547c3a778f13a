"""What a recipient costs, counted on the real stack; and that the benchmark's ceiling pays the same.

Concurrent callers share no command here, so that the counts are exact. What they share is counted in
tests/contract/ledger/documents/test_shared_commands.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymongo import monitoring

from bench.ceiling import Ceiling, run
from bench.commands import Commands
from bench.costs import WRITES, CommandCosts
from bench.documents import CHUNK, WINDOW, prepare
from bench.workload import Order
from devstack import Stack
from ledger.mongo import group_commit
from tests.flow.counted_sides import SLOTS, TENANT_READ, Intake, Spent, database, environment, running_product, spend

ORDER = Order("req-costs", 10_000, part_recipients=5_000)
PARTS, CHUNKS, WINDOWS = 2, ORDER.recipients // CHUNK, CHUNK // WINDOW


@pytest.fixture(scope="module")
def listener() -> CommandCosts:
    listener = CommandCosts()
    monitoring.register(listener)
    return listener


@pytest.fixture(scope="module")
def spent(stack: Stack, listener: CommandCosts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spent]:
    """Both sides, one after the other, each with topics and a database of its own."""
    folder = tmp_path_factory.mktemp("costs")
    intake = Intake("bulk.requests", [(ORDER.request_id.encode(), value) for value in ORDER.records()], updates=1)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(stack, "costs.product", folder).items():
            patch.setenv(name, value)
        patch.setattr(group_commit, "MAX_NUMBER", 1)
        product = asyncio.run(spend(running_product(), stack, "costs.product", listener, intake))
    environment(stack, "costs.ceiling", folder)
    ceiling = asyncio.run(spend(running_ceiling(stack, "costs.ceiling"), stack, "costs.ceiling", listener, intake))
    return {"product": product, "ceiling": ceiling}


@asynccontextmanager
async def running_ceiling(stack: Stack, name: str) -> AsyncIterator[None]:
    ceiling = Ceiling(stack.kafka_bootstrap, name, Commands(stack.mongo_url, database(name)), [prepare(ORDER)])
    running = asyncio.create_task(run(ceiling, "ready"))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


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
    assert {key for key in product.counts if key[0] not in WRITES} - {TENANT_READ} == {
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
