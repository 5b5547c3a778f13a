"""Row 2: a kill at each named step, by the consumer's own failpoint."""

import asyncio
import signal

from consumer.failpoint import STEPS
from tests.e2e.house import Service
from tests.torture.books import Books, DoesNotHold
from tests.torture.rows import row
from tests.torture.world import ANSWER_SECONDS, Round, World

PATIENCE_SECONDS = 60.0
WAVE = 20
"""Recipients that are published again and again until everybody met their failpoint."""


@row(2, "kill at each named step of expand, deliver and complete", "as row 1, and certain deliveries stay certain")
async def killed_at_each_step(round_: Round) -> Books:
    async with round_.world() as world:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        await world.publish(*world.orders(round_.recipients))
        doomed = [await world.start(ready=False, FAILPOINT=f"{s}:{round_.rng.randint(1, 3)}") for s in STEPS]
        await _all_dead(world, dict(zip(STEPS, doomed, strict=True)))
        world.provider.behave()
        await world.consumers(2)
        await world.settled()
        books = await world.books()
        books.hold_within_doubt()
        return books


async def _all_dead(world: World, doomed: dict[str, Service]) -> None:
    """Publish a little now and then, until each met its failpoint; what each leaves in doubt is noted at once."""
    end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while doomed:
        for step, service in list(doomed.items()):
            if (code := service.child.exit_code()) is not None:
                if code != -signal.SIGKILL:
                    raise DoesNotHold(f"the one to die after {step} ended with {code}: {service.child.last_words()}")
                await world.kill(service)
                del doomed[step]
        if asyncio.get_running_loop().time() > end:
            raise DoesNotHold(f"no kill after {', '.join(doomed)} within {PATIENCE_SECONDS:.0f} s")
        await world.publish(*world.orders(WAVE))
        await asyncio.sleep(0.5)
