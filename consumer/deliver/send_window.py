"""Provider calls of one window."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from consumer.logger import logger
from core.delivery_outcome import NotSent, WindowDelivery
from core.send_result import Retry
from providers.draft import Draft
from providers.provider import CLOSED, Provider
from schemas.statuses import Channel, Lane, Reason

NO_PROVIDER = Retry(Reason.UNAVAILABLE, "no provider for this channel", delay_seconds=60.0, offered=False)
"""Result if the channel has no provider. The delivery waits until it has one, and ends by a cancel or its expiry."""
PINNED_PROVIDER_MISSING = Retry(Reason.UNAVAILABLE, "the provider that may have accepted it is missing")
"""Result if the only provider that may be called is missing. It uses an attempt, so that the delivery ends `unknown`.
It was offered before, and the provider may never come back."""

MakeDraft = Callable[[int], Draft]
"""Returns the draft of the delivery at an index."""


class SendPlan(NamedTuple):
    """The common arguments of all calls of one window."""

    provider: Provider | None
    """None if the channel has no provider, or this process does not have the settings of the window's provider."""
    make_draft: MakeDraft
    lease: Lease
    lane: Lane
    expires_at: datetime | None
    channel: Channel
    tenant_id: str
    pinned: bool
    """True if no other provider may be called."""


async def send(entries: list[WindowDelivery], plan: SendPlan, context: ConsumerContext) -> None:
    """Call the provider for all entries concurrently, and store each result in its entry.

    An entry stays without a result if the lease ended before its call began. If the process stops or the request
    expires before that, the entry is deferred.
    """
    provider, make_draft, lease, lane, expires_at, channel, tenant_id, pinned = plan
    if provider is None:
        _warn_of_missing_provider(channel, context, pinned=pinned)
        for entry in entries:
            entry.result = PINNED_PROVIDER_MISSING if pinned else NO_PROVIDER
        return

    room, room_key = context.message_room, f"{tenant_id} {provider.name}"

    async def send_entry(entry: WindowDelivery) -> None:
        draft = make_draft(entry.index)
        has_room = may_call = await room.take(lane, room_key, draft.size)
        try:
            if has_room and (rate_per_second := provider.rate_per_second):
                may_call = await context.provider_caller.wait_for_rate_limit(provider.name, rate_per_second, lane)
                # A delivery that waits for a slow rate, or for the other lane at this rate, is not stuck.
                context.readiness.record_progress(*Lane)
            if not lease.alive:
                return
            too_late = expires_at is not None and context.ledger.now() >= expires_at
            if not may_call or too_late or context.stopping.is_set():
                # Certainly not sent. Without this result the next owner would have to treat it as uncertain.
                entry.result = NotSent.DEFERRED
                return
            result = await context.provider_caller.send(provider, draft)
            entry.result = NotSent.DEFERRED if result is CLOSED else result
        finally:
            if has_room:
                room.give_back(lane, room_key, draft.size)
            if room.has_waiters:
                context.readiness.record_progress(lane)  # A delivery that waits for room is not stuck.

    with context.metrics.windows.track_inprogress():
        await _run_concurrently(send_entry, entries)


def _warn_of_missing_provider(channel: Channel, context: ConsumerContext, *, pinned: bool) -> None:
    """Name the channel in readiness, and in the log if that is new."""
    problem = f"a provider of {channel} that may have accepted deliveries is missing"
    if context.readiness.warn("providers", problem if pinned else f"no provider for {channel}"):
        logger.warning("deliveries wait for a provider", channel=channel.value)


async def _run_concurrently(
    call: Callable[[WindowDelivery], Coroutine[None, None, None]], entries: list[WindowDelivery]
) -> None:
    """Call for the entries in one task until a call waits. Then start one task for each entry that is left.

    No call waits behind another one, and a call that returns at once costs no task.
    """
    waiting = iter(entries)

    async def call_in_order() -> None:
        for entry in waiting:
            await call(entry)

    try:
        async with asyncio.TaskGroup() as calls:
            calls.create_task(call_in_order())
            await asyncio.sleep(0)  # After this the task has ended or waits in a call.
            for entry in waiting:
                calls.create_task(call(entry))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
