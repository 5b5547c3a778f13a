"""The states of a request add up to its recipients at any moment, also while it is expanded (I2)."""

import contextlib
from dataclasses import replace

from consumer.context import ConsumerContext
from core.ids import request_key
from ledger.request_counts import count_request
from schemas.statuses import Status
from tests.flow.consumer.faults.test_repeated_failures import NUMBERS, FailingLedger
from tests.flow.world import World


async def test_recipients_whose_chunk_is_not_written_yet_are_pending() -> None:
    world = World()
    with contextlib.suppress(ZeroDivisionError):
        await world.expand(world.record(*NUMBERS), _dying_after_one_chunk(world))
    await world.deliver_all()
    request = await world.ledger.requests.get(request_key("t1", "r1"))
    assert request is not None
    counts = await count_request(world.ledger, request)
    sent = counts.outcomes[Status.SENT, None]
    assert 0 < sent < len(NUMBERS)
    assert counts.outcomes == {(Status.SENT, None): sent, (Status.PENDING, None): len(NUMBERS) - sent}
    assert counts.total == counts.outcomes.total() == len(NUMBERS)
    assert counts.done == sent


def _dying_after_one_chunk(world: World) -> ConsumerContext:
    return replace(world.context(), ledger=FailingLedger(world.ledger, 1))  # type: ignore[arg-type]
