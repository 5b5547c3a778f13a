"""One window: its deliveries, what a take-over makes of them, and the calls."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from core.delivery_outcome import NotSent, WindowDelivery
from core.render import RenderError
from core.send_result import Failed, Message, Retry
from providers.provider import CLOSED, Provider
from schemas.statuses import Lane, Reason

Render = Callable[[int], Message]
"""The message of the delivery at an index."""


class SendPlan(NamedTuple):
    """What the calls of one window have in common."""

    provider: Provider | None
    """None if the channel has no provider, or this process does not have the settings of the window's provider."""
    render: Render
    lease: Lease
    lane: Lane
    expires_at: datetime | None


async def send(entries: list[WindowDelivery], plan: SendPlan, context: ConsumerContext) -> None:
    """Call for each entry, concurrently; an entry keeps no answer when the lease ended before its call began.

    Where the process stops before that, or the time is over, the entry is marked to be put back.
    """
    provider, render, lease, lane, expires_at = plan
    if provider is None:
        for entry in entries:
            entry.result = Retry(Reason.UNAVAILABLE, "no provider for this channel")
        return

    async def one(entry: WindowDelivery) -> None:
        may_call = True
        if rate_per_second := provider.rate_per_second:
            may_call = await context.provider_caller.wait_for_rate_limit(provider.name, rate_per_second, lane)
            context.readiness.record_progress(
                *Lane
            )  # who waits for a slow rate, or for the other lane at it, is not stuck
        if not lease.alive:
            return
        too_late = expires_at is not None and context.ledger.now() >= expires_at
        if not may_call or too_late or context.stopping.is_set():  # known as not sent, so that nobody has to doubt it
            entry.result = NotSent.DEFERRED
            return
        try:
            message = render(entry.index)
        except RenderError:
            entry.result = Failed(Reason.INVALID_CONTENT)
        else:
            answer = await context.provider_caller.send(provider, message, lane)
            entry.result = NotSent.DEFERRED if answer is CLOSED else answer

    with context.metrics.windows.track_inprogress():
        await _run_concurrently(one, entries)


async def _run_concurrently(
    call: Callable[[WindowDelivery], Coroutine[None, None, None]], entries: list[WindowDelivery]
) -> None:
    """One task takes the entries in turn; as soon as a call makes it wait, each one left gets a task of its own.

    So nothing waits behind another, and what is answered at once costs no task.
    """
    waiting = iter(entries)

    async def in_turn() -> None:
        for entry in waiting:
            await call(entry)

    try:
        async with asyncio.TaskGroup() as calls:
            calls.create_task(in_turn())
            await asyncio.sleep(0)  # when this returns it has ended, or waits in a call
            for entry in waiting:
                calls.create_task(call(entry))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
