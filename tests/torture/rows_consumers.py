"""Rows 1 to 5: consumers killed, stopped, frozen, coming and going."""

from tests.torture.books import Books
from tests.torture.rows import row
from tests.torture.world import Round


@row(
    1,
    "kill -9 of a consumer at random",
    "lost 0; with mark_unknown duplicates 0 and unknown only in open windows, with resend the other way round",
)
async def killed_at_random(round_: Round) -> Books:
    async with round_.world() as world:
        await world.consumers(3)
        wave = round_.recipients // round_.times
        for nth in range(round_.times):
            await world.publish(*world.orders(wave))
            await world.sent(round(wave * (nth + round_.rng.uniform(0.1, 0.8))))
            await world.kill(round_.rng.choice(world.services))
            await world.start()
        await world.settled()
        books = await world.books()
        books.hold_within_doubt()
        return books
