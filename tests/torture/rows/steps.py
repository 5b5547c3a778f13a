"""Row 2: a kill at each named step, by the consumer's own failpoint."""

import asyncio
import signal

from consumer.failpoints.steps import DELIVERY_STEPS
from tests.support.polling import wait_until
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.world import ANSWER_SECONDS, Round, World

PATIENCE_SECONDS = 60.0
WAVE = 20
"""Recipients that are published again and again until everybody met their failpoint."""


@row(2, "kill at each named step of expand, deliver and complete", "as row 1, and certain deliveries stay certain")
async def killed_at_each_step(round_: Round) -> Reconciliation:
    async with round_.world() as world:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        await world.publish(*world.orders(round_.recipients))
        dying = [
            asyncio.create_task(_die_after(world, f"{step}:{round_.rng.randint(1, 3)}")) for step in DELIVERY_STEPS
        ]
        await _all_dead(world, dying)
        world.provider.behave()
        await world.consumers(2)
        await world.settled()
        books = await world.books()
        books.hold_within_doubt()
        return books


async def _die_after(world: World, failpoint: str) -> None:
    """Start one that dies there; what it leaves in doubt is noted at once, before a lease ends."""
    service = await world.start(ready=False, FAILPOINT=failpoint)
    try:
        await wait_until(lambda: service.child.exit_code() is not None, PATIENCE_SECONDS)
    except TimeoutError:
        raise DoesNotHold(f"no kill after {failpoint} within {PATIENCE_SECONDS:.0f} s") from None
    if (code := service.child.exit_code()) != -signal.SIGKILL:
        raise DoesNotHold(f"the one to die after {failpoint} ended with {code}: {service.child.last_words()}")
    await world.kill(service)


async def _all_dead(world: World, dying: list[asyncio.Task[None]]) -> None:
    """Publish a little now and then, until each met its failpoint."""
    dead = asyncio.gather(*dying)
    try:
        while not dead.done():
            await world.publish(*world.orders(WAVE))
            await asyncio.wait({dead}, timeout=0.5)
        await dead
    finally:
        for task in dying:
            task.cancel()
