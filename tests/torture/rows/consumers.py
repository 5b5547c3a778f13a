"""Rows 1 to 5: consumers killed, stopped, frozen, coming and going."""

import asyncio
import signal

import httpx

from tests.e2e.open_windows import open_windows
from tests.support.deployment import Service
from tests.support.polling import wait_until
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.world import ANSWER_SECONDS, Round, World


@row(
    1,
    "kill -9 of a consumer at random",
    "lost 0; with mark_unknown duplicates 0, with resend unknown 0; what is unknown or doubled was in an open window",
)
async def killed_at_random(round_: Round) -> Reconciliation:
    async with round_.world() as world:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        await world.consumers(3)
        wave = round_.recipients // round_.times
        for nth in range(round_.times):
            await world.publish(*world.orders(wave))
            await world.sent(round(wave * (nth + round_.rng.uniform(0.0, 0.6))))
            victim = round_.rng.choice(world.services)
            await world.busy(victim)
            await world.kill(victim)
            await world.start(ready=False)
        await world.settled()
        books = await world.books()
        books.hold_within_doubt()
        return books


@row(3, "rolling SIGTERM of all consumers", "lost 0, duplicates 0, unknown 0")
async def rolling_sigterm(round_: Round) -> Reconciliation:
    async with round_.world() as world:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        rolling = await world.consumers(2)
        took = []
        for _ in range(round_.times):
            await world.publish(*world.orders(round_.recipients // round_.times))
            for leaving in rolling:
                await world.busy(leaving, 2)
                took.append(await world.stop(leaving))
                await world.start()
            rolling = list(world.services)
        await world.settled()
        books = await world.books()
        books.hold(notes=f"the longest stop took {max(took):.1f} s")
        return books


@row(4, "SIGSTOP past the lease, then SIGCONT", "the zombie's late writes change nothing; as row 1")
async def zombies(round_: Round) -> Reconciliation:
    async with round_.world() as world:
        world.provider.misbehave("slow", seconds=4 * ANSWER_SECONDS)
        await world.consumers(2)
        for _ in range(round_.times):
            await world.publish(*world.orders(round_.recipients // round_.times))
            zombie = round_.rng.choice(world.services)
            if not await world.busy(zombie):
                continue
            # Frozen before the answer to its claim, it would find that it has no chunk, and lose no lease.
            await wait_until(lambda: _is_sending(zombie), 30)  # noqa: B023  # awaited here
            world.faults += 1
            zombie.child.signal(signal.SIGSTOP)
            await world.doubts.note(zombie)
            held = open_windows(world.deployment, [zombie])
            await wait_until(lambda: not open_windows(world.deployment, [zombie]), 30)  # noqa: B023  # awaited here
            said = len(zombie.said())
            zombie.child.signal(signal.SIGCONT)
            if held:
                await wait_until(lambda: "lease lost" in zombie.said()[said:], 30)  # noqa: B023
        if not world.faults:
            raise DoesNotHold("nobody was frozen while at work")
        await world.settled()
        books = await world.books()
        books.hold_within_doubt()
        return books


def _is_sending(consumer: Service) -> bool:
    return float(httpx.get(f"{consumer.url}/metrics").text.partition("\nrollcall_windows_open ")[2].split()[0]) > 0


@row(5, "joins and leaves that force a rebalance every 2 s", "lost 0, duplicates 0, unknown 0")
async def joins_and_leaves(round_: Round) -> Reconciliation:
    async with round_.world() as world:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        await world.consumers(2)
        for nth in range(round_.times * 3):
            await world.publish(*world.orders(round_.recipients // round_.times // 3))
            await asyncio.gather(_join_or_leave(world, nth), asyncio.sleep(2))
        await world.settled()
        books = await world.books()
        books.hold()
        return books


async def _join_or_leave(world: World, nth: int) -> None:
    if nth % 2:
        await world.stop(world.round_.rng.choice(world.services))
    else:
        world.faults += 1
        await world.start()
