"""Rows 8 and 9: a provider that leaves no answer, refuses, is slow."""

import asyncio
import time
from collections import Counter

from schemas.statuses import OnUncertain
from tests.support.polling import wait_until
from tests.torture.outage import LONG_SECONDS
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.traffic import draw_order
from tests.torture.world import TIMEOUT_SECONDS, Round, World

MAX_ATTEMPTS = 8
DEFAULT_ATTEMPTS = 16
"""As many as outlast a minute of faults."""
SILENCES = (("cut", 0.0), ("hang", 10.0), ("slow", TIMEOUT_SECONDS + 1))
"""Accepted and cut; not accepted, no answer; accepted, answered too late."""
SILENT_SHARE = 0.1


@row(
    8,
    "provider accepts and cuts the connection; hangs; answers after the time-out",
    "uncertain handled as asked: mark_unknown asks once, resend is sent in the end; no retry storm",
)
async def no_answers(round_: Round) -> Reconciliation:
    async with round_.world(MAX_ATTEMPTS=MAX_ATTEMPTS) as world:
        await world.consumers(2)
        wave = round_.recipients // 2 // len(SILENCES)
        for nth, (mode, seconds) in enumerate(SILENCES, 1):
            world.provider.misbehave(mode, share=SILENT_SHARE, seconds=seconds)
            world.faults += 1
            await world.publish(*world.orders(wave))
            await wait_until(lambda: len(world.provider.calls()) >= wave * nth * 0.9)  # noqa: B023  # awaited here
        world.provider.behave()
        await world.settled()
        books = await world.books()
        calls = world.provider.calls()
        books.hold_as_asked()
        asked_twice = [c for c, times in calls.items() if times > 1 and not books.may_resend(c)]
        if asked_twice:
            raise DoesNotHold(f"{len(asked_twice)} asked for again although they asked for mark_unknown", books)
        if not books.unknown or not books.duplicated:
            raise DoesNotHold("nobody was left without an answer", books)
        _hold_calls(books, calls, mean=2, most=MAX_ATTEMPTS)
        return books


def _hold_calls(books: Reconciliation, calls: Counter[str], *, mean: float, most: int) -> None:
    """No retry storm: at most so many calls a delivery, on average and of each."""
    found, highest = calls.total() / books.requested, max(calls.values())
    books.notes.append(f"{found:.2f} calls a delivery, {highest} at most")
    if found > mean or highest > most:
        raise DoesNotHold(books.notes[-1], books)


REFUSALS = {"throttle": (0.5, 1.0), "slow": (1.0, 5.0), "fault": (1.0, 0.0)}
"""What share of the calls, and for how many seconds."""
ANSWER_SECONDS = 0.5
"""Of the other channel: long beside what the machine's other work costs."""
SLOWER = 1.2
TRIES = 3
"""So often at most a refusal is measured, each time after the same traffic in good order: a busy machine slows, too."""
SNOOZES = 20
"""So many times in a row nobody is asked to wait, where half of all are; being asked to spends no attempt."""


@row(
    9,
    "provider 429 with Retry-After, 5xx for a while, slow (5 s)",
    "all sent in the end; attempts bounded; the other channel is not slowed by more than 20%",
)
async def refusals(round_: Round) -> Reconciliation:
    async with round_.world(timeout_seconds=6, MAX_ATTEMPTS=DEFAULT_ATTEMPTS, LEASE_SECONDS=12) as world:
        world.provider.misbehave("slow", "email", seconds=ANSWER_SECONDS)
        await world.consumers(2)
        await world.publish(*world.orders(100, "email"))  # connections and code are warm
        await world.settled()
        sizes, notes = [order.total for order in world.orders(round_.recipients // 10, "email")], []
        beside_nothing, slowed = await _beside(world, sizes, "refuse", 0.0, 0.0), []
        for mode, (share, seconds) in REFUSALS.items():
            for nth in range(TRIES):
                if nth:
                    beside_nothing = await _beside(world, sizes, "refuse", 0.0, 0.0)
                world.faults += 1
                took = await _beside(world, sizes, mode, share, seconds)
                notes.append(f"{mode}: {took:.1f} s, in good order {beside_nothing:.1f} s")
                if took <= SLOWER * beside_nothing:
                    break
            else:
                slowed.append(mode)
        books = await world.books()
        books.hold()
        _hold_calls(books, world.provider.calls(), mean=4, most=DEFAULT_ATTEMPTS + SNOOZES)
        books.notes.append(f"e-mail took beside {'; '.join(notes)}")
        if slowed:
            raise DoesNotHold(books.notes[-1], books)
        return books


async def _beside(world: World, sizes: list[int], mode: str, share: float, seconds: float) -> float:
    """Seconds that e-mails take beside SMS whose provider misbehaves so."""
    world.provider.misbehave(mode, share=share, seconds=seconds)
    await world.publish(*world.orders(world.round_.recipients // 10))
    began = time.monotonic()
    took = await _emailed(world, sizes)
    if mode == "fault" and world.round_.times > 3:
        await asyncio.sleep(began + LONG_SECONDS - time.monotonic())
    world.provider.misbehave("slow", share=0)
    await world.settled(240 if world.round_.times > 3 else 90)  # a minute of faults: waits of up to twice as long
    return took


async def _emailed(world: World, sizes: list[int]) -> float:
    """Seconds from publishing e-mails of both lanes, in requests of these sizes, until the last one is completed."""
    orders = [draw_order(world.round_.rng, size, OnUncertain.RESEND, "email") for size in sizes]
    began = time.monotonic()
    await world.publish(*orders)
    await wait_until(lambda: not {o.request_id for o in orders} & set(world.uncompleted()), 90)
    return time.monotonic() - began
