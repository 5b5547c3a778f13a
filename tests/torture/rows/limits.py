"""Row 25: limits across all processes, and consumers that are killed while they hold permits."""

from itertools import accumulate

from tests.support.counting_gateway import CountingGateway
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.world import TIMEOUT_SECONDS, Round

WINDOW_SECONDS = 10


@row(
    25,
    "a cap of a provider and a limit of a tenant, kill -9 of consumers that hold permits",
    "as row 1; by the end of no minute more than the limits of all minutes, in no 10 s more than the cap",
)
async def limited(round_: Round) -> Reconciliation:
    gateway, cap, limit = CountingGateway(), max(50, round_.recipients // 30), round_.recipients * 2 // 5
    async with gateway.listening() as url:
        entry = {"name": "gateway", "kind": "http", "channel": "sms", "url": url, "timeout_seconds": TIMEOUT_SECONDS}
        capped = {**entry, "max_per_second": cap}
        async with round_.world(PROVIDERS=[capped], TENANT_SMS_MAX_PER_MIN=limit) as world:
            await world.consumers(3)
            await world.publish(*world.orders(round_.recipients))
            for _ in range(round_.times):
                victim = round_.rng.choice(world.services)
                await world.busy(victim)
                await world.kill(victim)
                await world.start(ready=False)
            await world.settled(600)
            books = await world.books(accepted=gateway.ids)
    books.hold_within_doubt()
    _hold_limits(books, gateway, cap, limit)
    return books


def _hold_limits(books: Reconciliation, gateway: CountingGateway, cap: int, limit: int) -> None:
    """A permit may be used late, and never early. So the sums since the begin are exact bounds."""
    minutes, seconds = gateway.counts(60), gateway.counts(1)
    books.notes.append(f"cap {cap}/s, limit {limit}/min, by minute {minutes}, highest second {max(seconds)}")
    if any(total > limit * number for number, total in enumerate(accumulate(minutes), 1)):
        raise DoesNotHold(f"more than {limit} in a minute: {minutes}", books)
    if len(minutes) < 3:
        raise DoesNotHold(f"the limit was never reached: {minutes}", books)
    windows = [sum(seconds[at : at + WINDOW_SECONDS]) for at in range(len(seconds))]
    # What one second of this machine's delays moves into the window is left out.
    if max(windows) > cap * (WINDOW_SECONDS + 1):
        raise DoesNotHold(f"more than {cap} a second: {max(windows)} in {WINDOW_SECONDS} s", books)
