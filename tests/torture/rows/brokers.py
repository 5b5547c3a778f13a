"""Row 29: three Kafka brokers, of which one is killed, one is frozen, and two are away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from devstack import LocalMongo
from devstack.kafka_cluster import BROKERS, SESSION_SECONDS, KafkaCluster
from tests.support.deployment import Service
from tests.support.polling import wait_until
from tests.torture.http_calls import draw_http_order, post
from tests.torture.outage import CONSUMERS, books_after_outage, resumed, ruin_amid
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.servers import away, frozen, stack_of, started
from tests.torture.world import Round, World

LEASE_SECONDS = 15.0
"""No lease ends in this row, since no consumer does: a busy machine must not end one either."""
LONG_SECONDS, SHORT_SECONDS = 30.0, 3.0
CALL_PAUSE_SECONDS = 0.5


@row(
    29,
    "three Kafka brokers: one killed, one frozen past its session, then two away for 30 s",
    "lost 0, duplicates 0, unknown 0, resumes without a restart of the services",
)
async def brokers_lost(round_: Round) -> Reconciliation:
    kafka, mongo = KafkaCluster(round_.folder / "kafka"), LocalMongo(round_.folder / "mongo")
    with started(kafka, mongo):
        async with round_.world(stack=stack_of(kafka, mongo.url), LEASE_SECONDS=LEASE_SECONDS) as world:
            starting = world.consumers(CONSUMERS), world.start("producer"), _hold_three_copies(world)
            _, producer, _ = await asyncio.gather(*starting)
            faults = _faults(world, kafka)
            async with _calling(world, producer) as answered:
                for fault in faults:
                    await ruin_amid(world, round_.recipients // len(faults), fault)
                    await resumed(world)
                    await _answered_again(answered)
            books = await books_after_outage(world)
            books.hold(notes=f"{len(answered)} HTTP calls, answered with 200 after {sum(answered)} repeats")
            return books


async def _hold_three_copies(world: World) -> None:
    """Check that `rollcall setup` made three copies of each topic, two of which must be written."""
    wanted = ["--replication-factor", str(BROKERS), "--min-insync-replicas", str(BROKERS - 1)]
    said = await asyncio.to_thread(world.deployment.rollcall, "setup", "--check", *wanted)
    if said.exit_code:
        raise DoesNotHold(f"the topics have fewer copies: {said.stderr}")


def _faults(world: World, kafka: KafkaCluster) -> list[Callable[[], Awaitable[object]]]:
    """Each draws its brokers, so that it meets leaders and coordinators of any partition and group.

    A tiny round draws one of them.
    """
    rng, is_tiny = world.round_.rng, world.round_.times == 1
    seconds = SHORT_SECONDS if is_tiny else LONG_SECONDS

    async def killed() -> None:
        await away(rng.choice(kafka.brokers), seconds / 3)

    async def stopped() -> None:
        await frozen(rng.choice(kafka.brokers), SESSION_SECONDS + seconds)

    async def two_away() -> None:
        await asyncio.gather(*(away(broker, seconds) for broker in rng.sample(kafka.brokers, 2)))

    faults = [killed, stopped, two_away]
    return [rng.choice(faults)] if is_tiny else faults


@contextlib.asynccontextmanager
async def _calling(world: World, producer: Service) -> AsyncIterator[list[int]]:
    """A program that posts requests one after the other while the block runs; yields the repeats that each needed."""
    answered: list[int] = []
    stopping = asyncio.Event()

    async def call() -> None:
        while not stopping.is_set():
            order = draw_http_order(world, len(answered))
            repeats = 0
            while await post(world, producer, order) != httpx.codes.OK:
                repeats += 1
                await asyncio.sleep(CALL_PAUSE_SECONDS)
            answered.append(repeats)
            world.orders_published.append(order)
            await asyncio.sleep(CALL_PAUSE_SECONDS)

    async with asyncio.TaskGroup() as group:
        group.create_task(call())
        yield answered
        stopping.set()


async def _answered_again(answered: list[int]) -> None:
    """Wait until one more call is answered with 200."""
    before = len(answered)
    try:
        await wait_until(lambda: len(answered) > before)
    except TimeoutError:
        raise DoesNotHold("no HTTP call is answered with 200 within a minute after the fault") from None
