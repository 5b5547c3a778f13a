"""Provider calls of one window."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from consumer.flow_control.tenant_quotas import Grant
from consumer.logger import logger
from consumer.provider_choice import own_providers_of
from core.delivery_outcome import NotSent, WindowDelivery
from core.send_result import Failed, Retry, SendResult
from providers.draft import WITHDRAWN, Draft
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
    is_stopped: Callable[[], bool]
    """Returns whether the request was stopped or paused, or has expired."""
    channel: Channel
    tenant_id: str
    pinned: bool
    """True if no other provider may be called."""


class TenantOfCall(NamedTuple):
    """Tenant and channel, which have limits of their own."""

    tenant_id: str
    channel: Channel


class Call(NamedTuple):
    """One call of a provider: some deliveries of the window, in order."""

    entries: list[WindowDelivery]
    drafts: list[Draft]
    size: int
    """Size of all its messages in bytes."""


async def send(entries: list[WindowDelivery], plan: SendPlan, context: ConsumerContext) -> None:
    """Call the provider for all entries concurrently, and store each result in its entry.

    An entry stays without a result if the lease ended before the first byte of its message. If the process stops, or
    the request ends, the entry is deferred.
    """
    provider = plan.provider
    if provider is None:
        _warn_of_missing_provider(plan, context)
        for entry in entries:
            entry.result = PINNED_PROVIDER_MISSING if plan.pinned else NO_PROVIDER
        return
    await context.tenant_quotas.load(plan.tenant_id)
    sender = CallSender(provider, plan, context)
    calls = _calls(entries, plan.make_draft, _most_messages(provider, context), context.message_room.largest)
    with context.metrics.windows.track_inprogress():
        await _run_concurrently(sender.send, calls)


class CallSender:
    """Makes the calls of one window."""

    def __init__(self, provider: Provider, plan: SendPlan, context: ConsumerContext) -> None:
        self._provider, self._context, self._limits = provider, context, context.shared_limits
        self._lane, self._lease, self._is_stopped = plan.lane, plan.lease, plan.is_stopped
        self._tenant = TenantOfCall(plan.tenant_id, plan.channel)
        self._room_key = f"{plan.tenant_id} {provider.name}"
        has_rate = provider.rate_per_second is not None or self._limits.cap(provider.name) is not None
        self._has_limits = has_rate or context.tenant_quotas.has_limits(*self._tenant)

    async def send(self, call: Call) -> None:
        """Wait for room and for the rate limits, and make the call. Put back deliveries that would wait too long."""
        for draft in call.drafts:
            draft.may_leave = self._may_leave
        if self._has_limits:
            await self._send_within_limits(call)
            return
        has_room = await self._context.message_room.take(self._lane, self._room_key, call.size)
        try:
            self._store(call, await self._offer(call) if has_room else [WITHDRAWN] * len(call.drafts))
        finally:
            self._leave_room(call, has_room=has_room)

    async def _send_within_limits(self, call: Call) -> None:
        # Asked before anything is taken that other processes or tenants need.
        if refusal := self._context.provider_caller.refusal(self._provider.name, call.drafts[0].id):
            self._store(call, [refusal] * len(call.drafts))
            return
        permits = self._limits.permits_needed(self._provider.name, call.drafts)
        if later := self._limits.put_back(self._provider.name, self._lane, permits):
            self._store(call, [later] * len(call.drafts))
            return
        grant = await self._context.tenant_quotas.take(*self._tenant, len(call.drafts))
        if grant.later:
            call = self._put_back_rest(call, grant)
            permits = self._limits.permits_needed(self._provider.name, call.drafts)
        if not call.drafts:
            return
        for draft in call.drafts:
            draft.wait_for_rate = partial(self._wait_again, permits / len(call.drafts))
        has_room = await self._context.message_room.take(self._lane, self._room_key, call.size)
        try:
            results: Sequence[SendResult] = [WITHDRAWN] * len(call.drafts)
            if has_room and await self._wait_for_rates(len(call.drafts), permits):
                grant = await self._context.tenant_quotas.renew(*self._tenant, grant)
                call = self._put_back_rest(call, grant)
                results = await self._offer(call) if call.drafts else []
            self._store(call, results)
            unused = sum(map(_is_certainly_unsent, results))
            await self._context.tenant_quotas.give_back(*self._tenant, grant, unused)
        finally:
            self._leave_room(call, has_room=has_room)

    async def _offer(self, call: Call) -> Sequence[SendResult]:
        """Make the call, if its messages may still leave."""
        if not self._may_leave():
            return [WITHDRAWN] * len(call.drafts)
        return await self._context.provider_caller.send(self._provider, call.drafts)

    def _leave_room(self, call: Call, *, has_room: bool) -> None:
        if has_room:
            self._context.message_room.give_back(self._lane, self._room_key, call.size)
        if self._context.message_room.has_waiters:
            self._context.readiness.record_progress(self._lane)  # A delivery that waits for room is not stuck.

    async def _wait_for_rates(self, messages: int, permits: int) -> bool:
        """Wait for the rate of this process, and for that of all processes. Return False if no call may be made."""
        name, rate = self._provider.name, self._provider.rate_per_second
        if rate is None and self._limits.cap(name) is None:
            return True
        may_call = rate is None or await self._context.provider_caller.wait_for_rate_limit(
            name, rate, self._lane, messages
        )
        may_call = may_call and await self._limits.wait_for_rate(name, self._lane, permits)
        # A delivery that waits for a slow rate, or for the other lane at this rate, is not stuck.
        self._context.readiness.record_progress(*Lane)
        return may_call

    async def _wait_again(self, permits_each: float, messages: int) -> bool:
        """Wait for the rates of messages that are sent once more. Return False if they may not be sent."""
        return await self._wait_for_rates(messages, math.ceil(messages * permits_each))

    def _may_leave(self) -> bool:
        return self._lease.alive and not self._is_stopped() and not self._context.stopping.is_set()

    def _put_back_rest(self, call: Call, grant: Grant) -> Call:
        """Put back the deliveries without a permit of the tenant. Return the call with the others."""
        if grant.later is None:
            return call
        at, rest = grant.permits, len(call.drafts) - grant.permits
        self._store(Call(call.entries[at:], call.drafts[at:], 0), [grant.later] * rest)
        return Call(call.entries[:at], call.drafts[:at], call.size)

    def _store(self, call: Call, results: Sequence[SendResult]) -> None:
        for entry, result in zip(call.entries, results, strict=True):
            if result is not CLOSED and result is not WITHDRAWN:
                entry.result = result
            elif self._lease.alive:
                # Certainly not sent. Without this result the next owner would have to treat it as uncertain.
                entry.result = NotSent.DEFERRED


def _is_certainly_unsent(result: SendResult) -> bool:
    """Return whether the message was not sent for certain, so that the permits of the tenant are not used."""
    return isinstance(result, Retry | Failed)


def _most_messages(provider: Provider, context: ConsumerContext) -> int:
    """Return the maximum size of a call: a batch of the provider, and no more than its rates allow in a second."""
    cap = context.shared_limits.cap(provider.name)
    rates = [rate for rate in (provider.rate_per_second, cap and cap.per_second) if rate is not None]
    return max(1, int(min([provider.batch_size, *rates])))


def _calls(entries: list[WindowDelivery], make_draft: MakeDraft, most: int, most_bytes: int) -> Iterator[Call]:
    """Divide the entries of a window into calls of at most `most` messages, and `most_bytes` if they are several."""
    taken: list[WindowDelivery] = []
    drafts: list[Draft] = []
    size = 0
    for entry in entries:
        draft = make_draft(entry.index)
        if drafts and (len(drafts) == most or size + draft.size > most_bytes):
            yield Call(taken, drafts, size)
            taken, drafts, size = [], [], 0
        taken.append(entry)
        drafts.append(draft)
        size += draft.size
    yield Call(taken, drafts, size)


def _warn_of_missing_provider(plan: SendPlan, context: ConsumerContext) -> None:
    """Name the channel in readiness, and in the log if that is new. Readiness names no tenant."""
    channel, tenant_id = plan.channel, plan.tenant_id
    own = own_providers_of(tenant_id, channel, context) != ()
    problem = f"a provider of {channel} that may have accepted deliveries is missing"
    if not plan.pinned:
        problem = f"a tenant has no usable provider for {channel}" if own else f"no provider for {channel}"
    if context.readiness.warn("providers", problem):
        named = {"tenant_id": tenant_id} if own else {}
        logger.warning("deliveries wait for a provider", channel=channel.value, **named)


async def _run_concurrently(make: Callable[[Call], Coroutine[None, None, None]], calls: Iterator[Call]) -> None:
    """Make the calls in one task until one waits. Then start one task for each call that is left.

    No call waits behind another one, and a call that returns at once costs no task. A call without others costs none.
    """
    first, second = next(calls), next(calls, None)
    if second is None:
        await make(first)
        return
    calls = chain((first, second), calls)

    async def call_in_order() -> None:
        for call in calls:
            await make(call)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(call_in_order())
            await asyncio.sleep(0)  # After this the task has ended or waits in a call.
            for call in calls:
                group.create_task(make(call))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
