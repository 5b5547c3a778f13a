"""Rows 6, 7 and 18: Kafka and MongoDB killed, down for long, and a replica set that loses its primary."""

import asyncio

from devstack import LocalKafka
from devstack.server import LocalServer
from tests.torture.outage import CONSUMERS, books_after_outage, outage_seconds, own_servers, resumed, ruin_amid
from tests.torture.reconciliation import Reconciliation
from tests.torture.row_registry import row
from tests.torture.servers import ReplicaSet, away, frozen, stack_of, started
from tests.torture.world import Round, World

FROZEN_SECONDS = 10.0
"""Past an election: the others choose another primary, and this one does not know it when it goes on."""


@row(6, "Kafka killed and restarted, and down for 60 s", "lost 0; resumes without a restart of the services")
async def kafka_away(round_: Round) -> Reconciliation:
    with own_servers(round_) as (kafka, mongo):
        async with round_.world(stack=stack_of(kafka, mongo.url)) as world:
            return await _away(world, kafka)


@row(7, "mongod killed and restarted, and down for 60 s", "lost 0; resumes without a restart of the services")
async def mongod_away(round_: Round) -> Reconciliation:
    with own_servers(round_) as (kafka, mongo):
        async with round_.world(stack=stack_of(kafka, mongo.url)) as world:
            return await _away(world, mongo)


async def _away(world: World, server: LocalServer) -> Reconciliation:
    """Restarted at once a few times, then down for long."""
    outages = [0.0] * max(1, world.round_.times // 3) + [outage_seconds(world.round_)]
    await world.consumers(CONSUMERS)
    await world.start("producer")
    for seconds in outages:
        await ruin_amid(world, world.round_.recipients // len(outages), lambda: away(server, seconds))  # noqa: B023
        await resumed(world)
    await world.publish(*world.orders(50))
    return await books_after_outage(world)


@row(
    18,
    "a three-node replica set: the primary killed, and frozen past an election",
    "lost 0, duplicates 0 with mark_unknown",
)
async def primary_lost(round_: Round) -> Reconciliation:
    kafka, mongos = LocalKafka(round_.folder / "kafka"), ReplicaSet(round_.folder / "mongos")
    with started(kafka, mongos):
        async with round_.world(stack=stack_of(kafka, mongos.url)) as world:
            await world.consumers(CONSUMERS)
            turns = max(1, round_.times // 3)
            for _ in range(turns):
                await ruin_amid(world, round_.recipients // turns // 2, lambda: _kill_primary(mongos))
                await ruin_amid(world, round_.recipients // turns // 2, lambda: _freeze_primary(mongos))
            return await books_after_outage(world)


async def _kill_primary(mongos: ReplicaSet) -> None:
    killed = await asyncio.to_thread(mongos.primary)
    killed.kill()
    await asyncio.to_thread(mongos.primary, but=killed)
    await asyncio.to_thread(killed.launch)
    await asyncio.to_thread(killed.wait_listening)


async def _freeze_primary(mongos: ReplicaSet) -> None:
    chosen = await asyncio.to_thread(mongos.primary)
    freezing = asyncio.create_task(frozen(chosen, FROZEN_SECONDS))
    await asyncio.to_thread(mongos.primary, but=chosen)
    await freezing
