"""Rows 10 to 12: poison in the intake, and records that come again."""

from tests.e2e.caller import Reader, publish, reading
from tests.e2e.consumer.unusable_records import ALL, Bad
from tests.support.polling import wait_until
from tests.torture.offsets import read_to_the_end, set_back
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.traffic import Order
from tests.torture.world import ANSWER_SECONDS, Round, World

KINDS = 10
POISON_SHARE = 0.05
SMALL = 20
"""Recipients of a request at most, so that there are many records."""


@row(10, "5% poison records of ten kinds among good ones", "all good ones delivered, all poison in dead letters")
async def poison(round_: Round) -> Reconciliation:
    rng = round_.rng
    async with round_.world() as world:
        kinds = rng.sample(ALL, KINDS)
        letters = Reader(world.deployment.topics.dead_letters)
        async with reading(world.deployment.bootstrap, letters):
            await world.consumers(2)
            orders = world.orders(round_.recipients // 2, largest=SMALL)
            bad = [*kinds, *rng.choices(kinds, k=max(0, round(len(orders) * POISON_SHARE) - KINDS))]
            mixed: list[Order | Bad] = [*orders, *bad]
            rng.shuffle(mixed)
            for one in mixed:
                await (_poison(world, one) if isinstance(one, Bad) else world.publish(one))
            await world.settled()
            await read_to_the_end(world.deployment)
            await wait_until(lambda: len(letters.records) >= len(bad))
        world.faults = len(bad)
        books = await world.books()
        books.hold()
        told = sorted(dict(record.headers)["reason"].decode() for record in letters.records)
        if told != sorted(one.reason for one in bad):
            raise DoesNotHold(f"the dead letters say {told}", books)
        return books


async def _poison(world: World, bad: Bad) -> None:
    topics = world.deployment.topics
    topic = world.round_.rng.choice((topics.requests, topics.requests_express))
    await publish(world.deployment.bootstrap, topic, bad.value, key=bad.name, headers=bad.headers)


@row(11, "consumer group offsets reset to the beginning", "duplicates 0")
async def offsets_set_back(round_: Round) -> Reconciliation:
    async with round_.world() as world:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        await world.publish(*world.orders(round_.recipients))
        for nth in range(2):  # in the middle, and when all is done
            await world.consumers(2)
            await world.sent(round(round_.recipients * round_.rng.uniform(0.2, 0.6)))
            if nth:
                world.provider.behave()
                await world.settled()
            for service in list(world.services):
                await world.stop(service)
            await set_back(world.deployment)
        await world.consumers(2)
        await read_to_the_end(world.deployment)
        await world.settled()
        books = await world.books()
        books.hold()
        return books


@row(12, "the same requests published twice; the same key with another body", "duplicates 0; rejected event")
async def published_again(round_: Round) -> Reconciliation:
    async with round_.world() as world:
        await world.consumers(2)
        orders = world.orders(round_.recipients)
        again = round_.rng.sample(orders, max(1, len(orders) // 3))
        for group in (orders, orders, again):
            await world.republish(*group)
        for order in again:
            await world.republish(order, content=f"{order.content}, but not so")
        world.orders_published = orders
        world.faults = len(orders) + 2 * len(again)
        await world.settled()
        for order in again:
            event = await world.results.rejected(order.request_id)
            if event.reason != "request_conflict":
                raise DoesNotHold(f"another body was rejected as {event.reason}")
        await world.republish(*orders)
        await read_to_the_end(world.deployment)
        books = await world.books()
        books.hold()
        return books
