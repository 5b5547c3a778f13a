"""What rows about servers share: servers of one's own, traffic through an outage, and services that need no restart."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from consumer.app import EXPRESS_SWEEP_SLOTS, SWEEP_SLOTS
from devstack import LocalKafka, LocalMongo
from devstack.services import is_ready
from schemas.statuses import Channel, Lane, OnUncertain
from tests.support.polling import wait_until
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.servers import TEST_COMMANDS, started
from tests.torture.world import ANSWER_SECONDS, SETTINGS, Round, World

CONSUMERS = 2
READY_SECONDS = 60.0
LONG_SECONDS, SHORT_SECONDS = 60.0, 12.0
SLOTS = {
    Lane.BULK: int(SETTINGS["MAX_CHUNKS_IN_FLIGHT"]) + SWEEP_SLOTS,
    Lane.EXPRESS: int(SETTINGS["EXPRESS_CHUNKS_IN_FLIGHT"]) + EXPRESS_SWEEP_SLOTS,
}
IN_WINDOWS = CONSUMERS * len(Channel) * sum(SLOTS.values()) * int(SETTINGS["WINDOW_SIZE"])
"""The most that all consumers together have in open windows; each fault may leave so many in doubt."""


@contextmanager
def own_servers(round_: Round) -> Iterator[tuple[LocalKafka, LocalMongo]]:
    """A Kafka and a MongoDB that may be ruined."""
    kafka = LocalKafka(round_.folder / "kafka")
    mongo = LocalMongo(round_.folder / "mongo", parameters=[TEST_COMMANDS])
    with started(kafka, mongo):
        yield kafka, mongo


def outage_seconds(round_: Round) -> float:
    """How long something is away: as the row says in a long run, less in a short one."""
    return LONG_SECONDS if round_.times > 3 else SHORT_SECONDS


async def ruin_amid(world: World, recipients: int, fault: Callable[[], Awaitable[None]]) -> None:
    """Publish requests for so many, meet the fault in the middle of their delivery, and go on."""
    world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
    before = len(world.provider.accepted())
    orders = world.orders(recipients)
    await world.publish(*orders)
    await world.sent(before + round(recipients * world.round_.rng.uniform(0.1, 0.5)))
    world.faults += 1
    await fault()


async def resumed(world: World) -> None:
    """Wait until every service is ready again; DoesNotHold when one has ended, or is not ready in time."""
    try:
        await wait_until(lambda: all(is_ready(f"{service.url}/readyz") for service in world.services), READY_SECONDS)
    except TimeoutError:
        raise DoesNotHold(f"a service is not ready again after {READY_SECONDS:.0f} s") from None
    finally:
        if ended := [service for service in world.services if service.child.exit_code() is not None]:
            raise DoesNotHold(f"{len(ended)} services have ended: {ended[0].child.last_words()}")


async def books_after_outage(world: World, seconds: float = 120.0) -> Reconciliation:
    """The books once all is settled: nothing lost, and what is unknown or doubled is as asked, and within windows."""
    await resumed(world)
    await world.settled(seconds)
    books = await world.books()
    books.hold(duplicated=world.faults * IN_WINDOWS, unknown=world.faults * IN_WINDOWS)
    wanted = {"unknown": OnUncertain.RESEND, "duplicated": OnUncertain.MARK_UNKNOWN}
    for name, forbidden in wanted.items():
        if found := [delivery for delivery in getattr(books, name) if books.policy_of(delivery) is forbidden]:
            raise DoesNotHold(f"{len(found)} {name}, although {forbidden.value} was asked for: {found[:3]}", books)
    return books
