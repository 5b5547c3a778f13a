"""Row 14: processes whose clocks are an hour wrong, in both directions, side by side."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from core.ids import log_id
from tests.support.deployment import Service
from tests.support.polling import wait_until
from tests.torture.clock import shifted, why_no_shift
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.traffic import Order
from tests.torture.world import ANSWER_SECONDS, Round, World

HOUR = 3600
LATER = timedelta(seconds=8)
LATE_SECONDS = 5.0
"""How late the first of what is due may be on a machine that is busy with all of this; an hour would be told."""


@row(14, "the clocks of two processes an hour ahead and behind", "leases and due times unaffected (server time)")
async def wrong_clocks(round_: Round) -> Reconciliation:
    if lack := why_no_shift():
        raise DoesNotHold(lack)
    async with round_.world() as world:
        for seconds in (HOUR, -HOUR):
            with _clock_off(world, seconds):
                _assert_off(await world.start(), seconds)
            world.faults += 1
        world.provider.misbehave("fault", share=0.1)  # so that some must be tried again, when it is time
        scheduled = await _publish_scheduled(world)
        await world.publish(*world.orders(round_.recipients // 3))
        late = await _first_sent(world, *scheduled)
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)  # so that leases are renewed
        await world.publish(*world.orders(round_.recipients // 3))
        await world.settled()
        if taken := [word for word in ("take-over", "lease lost") for s in world.services if word in s.said()]:
            raise DoesNotHold(f"a consumer told of a {taken[0]}, though no lease has ended", await world.books())
        books = await world.books()
        books.hold(notes=f"the first delivery that was due by send_at was sent {late:.1f} s after it")
        if expired := books.by_status["expired"]:
            raise DoesNotHold(f"{expired} expired, an hour too early", books)
        return books


@contextmanager
def _clock_off(world: World, seconds: int) -> Iterator[None]:
    """Services that are started in the block live so many seconds ahead."""
    right = dict(world.deployment.env)
    world.deployment.env.update(shifted(right, seconds, world.round_.folder))
    try:
        yield
    finally:
        world.deployment.env.clear()
        world.deployment.env.update(right)


def _assert_off(service: Service, seconds: int) -> None:
    """By its own word its clock is wrong by so much."""
    with urllib.request.urlopen(f"{service.url}/healthz", timeout=5) as answer:
        said = datetime.fromisoformat(json.load(answer)["timestamp"])
    off = (said - datetime.now(UTC)).total_seconds()
    if abs(off - seconds) > 60:
        raise DoesNotHold(f"the clock could not be shifted: it is {off:.0f} s off")


async def _publish_scheduled(world: World) -> tuple[Order, datetime]:
    """A request for later, which expires half an hour from now: past by one clock, and not yet due by the other."""
    (order, *_), now = world.orders(200), datetime.now(UTC)
    due = now + LATER
    order.fields |= {"send_at": due.isoformat(), "expires_at": (now + timedelta(minutes=30)).isoformat()}
    await world.publish(order)
    return order, due


async def _first_sent(world: World, order: Order, due: datetime) -> float:
    """How many seconds after `due` the first of an order was sent; DoesNotHold when it was early or very late."""
    own = {log_id(order.key, part, index) for part, some in enumerate(order.parts) for index in range(len(some))}
    try:
        await wait_until(lambda: not own.isdisjoint(world.provider.accepted()), LATER.total_seconds() + 60)
    except TimeoutError:
        raise DoesNotHold("what was due at send_at was not sent a minute after it") from None
    late = (datetime.now(UTC) - due).total_seconds()
    if not 0 <= late <= LATE_SECONDS:
        raise DoesNotHold(f"what was due at send_at was sent {late:.1f} s after it")
    return late
