"""Row 13: the HTTP producer killed between publish and answer; the client repeats, as it should, with its key."""

import asyncio

import httpx

from tests.e2e.caller import Reader, reading
from tests.support.polling import wait_until
from tests.torture.http_calls import draw_http_order, post
from tests.torture.outage import CONSUMERS
from tests.torture.proxy import NetworkConditions
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.rows.network import a_network
from tests.torture.traffic import Order
from tests.torture.world import Round

HELD = NetworkConditions(delay_seconds=3.0)
"""Kafka's acknowledgement is this late: shorter than a call waits for it."""
SOON_SECONDS = 0.1


@row(13, "HTTP producer killed between publish and answer, client repeats with its key", "duplicates 0")
async def producer_killed(round_: Round) -> Reconciliation:
    with a_network(round_) as network:
        async with (
            round_.world(stack=network.stack) as world,
            reading(world.deployment.bootstrap, Reader(world.deployment.topics.requests_express)) as intake,
        ):
            behind = {"KAFKA_BOOTSTRAP": network.settings["KAFKA_BOOTSTRAP"]}
            _, other, *victims = await asyncio.gather(
                world.consumers(CONSUMERS),
                world.start("producer"),
                *(world.start("producer", **behind) for _ in range(1 + round_.times)),
            )
            for number, victim in enumerate(victims):
                order = draw_http_order(world, number)
                network.turn(NetworkConditions() if number % 2 else HELD)
                call = asyncio.create_task(post(world, victim, order))
                if number % 2:
                    await asyncio.sleep(round_.rng.uniform(0, SOON_SECONDS))
                else:
                    await _published_and_held(intake, call, order)
                await world.kill(victim)
                network.turn(NetworkConditions())
                await call
                if (answered := await post(world, other, order)) != httpx.codes.OK:
                    raise DoesNotHold(f"the repeated call is answered with {answered}")
                world.orders_published.append(order)
            await world.settled()
            books = await world.books()
            books.hold()
            return books


async def _published_and_held(intake: Reader, call: asyncio.Task[int | None], order: Order) -> None:
    """Wait until Kafka has the record, and the service does not know it yet."""
    await wait_until(lambda: any(record.key == order.request_id.encode() for record in intake.records), 20)
    if call.done():
        raise DoesNotHold("the service answered before Kafka could acknowledge")
