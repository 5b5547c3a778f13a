"""Row 16: servers that answer, and refuse: a full disk in MongoDB, a result topic that is gone or takes nothing."""

import asyncio
from functools import partial

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from devstack import LocalMongo
from tests.e2e.caller import reading
from tests.support.polling import wait_until
from tests.torture.outage import CONSUMERS, books_after_outage, outage_seconds, own_servers, ruin_amid
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.servers import refusing, stack_of
from tests.torture.world import Round, World

OUT_OF_DISK_SPACE = 14031
"""MongoDB's error code OutOfDiskSpace."""
WRITES = ("insert", "update", "findAndModify")
TOLD_SECONDS = 40.0


@row(
    16,
    "disk-full answer from MongoDB, result topic missing or refusing",
    "lost 0; duplicates 0 with mark_unknown; clear error; resumes",
)
async def refused(round_: Round) -> Reconciliation:
    third = round_.recipients // 3
    with own_servers(round_) as (kafka, mongo):
        async with round_.world(stack=stack_of(kafka, mongo.url)) as world:
            await world.consumers(CONSUMERS)
            await ruin_amid(world, third, partial(_disk_full, world, mongo))
            await ruin_amid(world, third, partial(_topic_refuses, world))
            # What was published before goes with the topic, by its operator's own will: it must have been read by then.
            await world.settled()
            await _topic_gone(world, third)
            # The first reader stands where the old topic ended, wherever that is in the new one.
            async with reading(world.deployment.bootstrap, world.results):
                return await books_after_outage(world)


async def _disk_full(world: World, mongo: LocalMongo) -> None:
    with refusing(mongo, OUT_OF_DISK_SPACE, WRITES):
        await _told(world, f"code {OUT_OF_DISK_SPACE}")
        await asyncio.sleep(outage_seconds(world.round_) / 3)


async def _topic_refuses(world: World) -> None:
    """No batch of events is small enough for it."""
    await asyncio.to_thread(_set_most_bytes, world, "64")
    await _told(world, "MessageSizeTooLargeError")
    await asyncio.sleep(outage_seconds(world.round_) / 3)
    await asyncio.to_thread(_set_most_bytes, world, None)


def _set_most_bytes(world: World, value: str | None) -> None:
    change = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
    entry = ConfigEntry("max.message.bytes", value, incremental_operation=change)
    resource = ConfigResource(ConfigResource.Type.TOPIC, world.deployment.topics.results, incremental_configs=[entry])
    admin = _admin(world)  # held until it has answered: what is asked of one that is gone fails
    (changed,) = admin.incremental_alter_configs([resource]).values()
    changed.result(30)


async def _topic_gone(world: World, recipients: int) -> None:
    """Deleted, while there is something to say; and made anew, as an operator would."""
    world.faults += 1
    admin = _admin(world)
    (deleted,) = admin.delete_topics([world.deployment.topics.results]).values()
    await asyncio.to_thread(deleted.result, 30)
    await world.publish(*world.orders(recipients))
    await _told(world, "UnknownTopicOrPartitionError")
    await asyncio.sleep(outage_seconds(world.round_) / 3)
    await asyncio.to_thread(world.deployment.setup)


def _admin(world: World) -> AdminClient:
    return AdminClient({"bootstrap.servers": world.deployment.bootstrap, "log_level": 0})


async def _told(world: World, words: str) -> None:
    """Wait until a service says so; DoesNotHold when none does."""
    try:
        await wait_until(lambda: any(words in service.said() for service in world.services), TOLD_SECONDS)
    except TimeoutError:
        raise DoesNotHold(f"no service says {words}") from None
