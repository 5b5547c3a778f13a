"""Rows 26 and 28: receipts that come in every wrong way, and consumers that die over them."""

import asyncio
import signal

from consumer.failpoints.steps import RECEIPT_STEPS
from tests.support.polling import wait_until
from tests.torture.receipt_books import hold_counts, hold_receipts, sendable
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.signed_vendor import ENTRIES, MOST_IN_A_CALL, ODDS, Report, SignedVendor
from tests.torture.world import ANSWER_SECONDS, Round, World

DEATH_SECONDS = 60.0
KEEPS = "keep_receipt"


@row(
    26,
    "receipts lost, doubled, reordered, early, and forged at 5%",
    "each reported delivery moves forward once and has one event; forged ones are refused; counts equal the logs",
)
async def receipts_of_all_kinds(round_: Round) -> Reconciliation:
    async with round_.world(RECEIPTS=ENTRIES) as world:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        producer, *_ = await asyncio.gather(world.start("producer"), world.consumers(2))
        vendor, sent = SignedVendor(world, producer.url, round_.rng, ODDS), asyncio.Event()
        orders = world.orders(round_.recipients)
        for order in orders:
            await vendor.report_early(sendable(order))
        reporting = asyncio.create_task(vendor.report_until(sent))
        await world.publish(*orders)
        await world.settled()
        sent.set()
        await reporting
        await hold_receipts(world, vendor.ends, repeats=False)
        await hold_counts(world)
        world.faults += vendor.forged + vendor.lost
        books = await world.books()
        books.hold(notes=f"{len(vendor.ends):,} reported, {vendor.lost} lost, {vendor.forged} forged")
        return books


@row(28, "a consumer killed between receipt and event", "no receipt lost; an event that is repeated is the same event")
async def killed_between_receipt_and_event(round_: Round) -> Reconciliation:
    async with round_.world(RECEIPTS=ENTRIES) as world:
        producer, *consumers = await asyncio.gather(world.start("producer"), *(world.start() for _ in range(2)))
        await world.publish(*world.orders(round_.recipients // 2))
        await world.settled()
        for each in consumers:
            await world.stop(each)
        vendor = SignedVendor(world, producer.url, round_.rng)
        later = world.orders(round_.recipients // 2)
        early = [Report(each, "delivered") for order in later for each in sendable(order)]
        known = [Report(each, "delivered") for each in world.provider.accepted()]
        deaths = sorted((step for step in RECEIPT_STEPS for _ in range(round_.times)), key=lambda step: step == KEEPS)
        for nth, step in enumerate(deaths):
            # The early ones come last, because a receipt that is kept for long is tried seldom.
            too_early = early[nth % round_.times :: round_.times] if step == KEEPS else []
            posting = asyncio.create_task(_post(vendor, known[nth :: len(deaths)] + too_early))
            await _die_after(world, step)
            await posting
        await world.consumers(2)
        await world.publish(*later)
        await world.settled()
        repeated = await hold_receipts(world, vendor.ends, repeats=True, seconds=240)
        await hold_counts(world)
        books = await world.books()
        books.hold(notes=f"{len(vendor.ends):,} reported, {repeated} events repeated")
        return books


async def _post(vendor: SignedVendor, reports: list[Report]) -> None:
    vendor.rng.shuffle(reports)
    for first in range(0, len(reports), MOST_IN_A_CALL):
        await vendor.post(reports[first : first + MOST_IN_A_CALL])


async def _die_after(world: World, step: str) -> None:
    """Start a consumer that dies at a step of settle, and wait for its death."""
    service = await world.start(ready=False, FAILPOINT=step)
    try:
        await wait_until(lambda: service.child.exit_code() is not None, DEATH_SECONDS)
    except TimeoutError:
        raise DoesNotHold(f"no kill after {step} within {DEATH_SECONDS:.0f} s") from None
    if (code := service.child.exit_code()) != -signal.SIGKILL:
        raise DoesNotHold(f"the one to die after {step} ended with {code}: {service.child.last_words()}")
    await world.kill(service)
