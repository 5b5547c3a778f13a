"""The owner's side of a claimed chunk. Each step of the delivery protocol is a method (docs/protocol.md)."""

from dataclasses import replace
from datetime import timedelta

from consumer.billing.budget import may_be_sent, open_budget, unreserved
from consumer.context import ConsumerContext
from consumer.deliver.chunk_logs import ChunkLogs
from consumer.deliver.chunk_rules import ChunkRules, StopState
from consumer.deliver.delivery_factory import DeliveryFactory
from consumer.deliver.event_publisher import ChunkEventPublisher
from consumer.deliver.fenced_writes import FencedWrites
from consumer.deliver.lease import Lease, LeaseLost
from consumer.deliver.open_window import OpenWindow
from consumer.deliver.send_window import SendPlan, send
from consumer.deliver.takeover_decisions import apply_stored_logs, count_lost_attempt, may_be_logged
from consumer.deliver.window_outcomes import WindowOutcomes, decide_window, stop_waiting
from consumer.provider_choice import ProviderChoice
from consumer.request_cache import OpenedRequest
from consumer.request_lifecycle import ClosedChunk, apply_control_flags
from consumer.tenants.recipient_checks import RecipientChecks
from core.chunk_work import Window, Work, due_before_expiry, waiting_deliveries
from core.delivery_outcome import NotSent
from core.index_ranges import indices
from ledger.claims import ClaimResult
from ledger.models import Log
from schemas.statuses import OnUncertain


class ChunkWorker:
    """The owner of one claim. Raises LeaseLost as soon as another owner may have taken over."""

    def __init__(
        self,
        claimed: ClaimResult,
        opened: OpenedRequest,
        factory: DeliveryFactory,
        lease: Lease,
        context: ConsumerContext,
    ) -> None:
        self.chunk, self._header, self._lease, self._context = claimed.chunk, opened.header, lease, context
        work = claimed.chunk.work
        self._work = replace(work, without_key=timedelta()) if opened.template and work.without_key else work
        self._window = OpenWindow(claimed.window, claimed.taken_over and may_be_sent(claimed.window, opened.header))
        self._outcomes = WindowOutcomes()
        self._factory, self._costs = factory, factory.costs
        self._checks = RecipientChecks(opened.header, factory, context)
        self._budget = open_budget(opened, self._costs, lease, context)
        self._logs = ChunkLogs(self.chunk, opened.header, self._costs, context)
        self._choice = ProviderChoice(opened.header, self._factory.address_of, context)
        self._rules = ChunkRules(opened.header, self._choice, context)
        self._writes = FencedWrites(lease, self.chunk, context)
        self._publisher = ChunkEventPublisher(opened.header, self.chunk.part, lease, context)
        self._control = StopState(opened.header.expires_at)
        self._control.apply(self.chunk.control_flags)
        lease.on_renewed = self._control.apply
        self._check_expiry()

    @property
    def has_work(self) -> bool:
        """Return whether anything is left to send, to log or to stop."""
        return bool(self._window.intent or self._work.decided or (self._control.stop and self._work.waiting))

    @property
    def may_send(self) -> bool:
        """Return whether anything may be sent. That needs the text and the addresses."""
        return not self._control.stop and not self._control.paused and bool(self._window.intent or self._work.waiting)

    @property
    def is_fully_logged(self) -> bool:
        """Return whether every delivery has its log. Then only the events and the close are left."""
        return not (self._work.waiting or self._outcomes.retries or self._outcomes.unsent_decisions)

    def fail_unsent(self, detail: str) -> None:
        """End every delivery that was not sent as failed."""
        self._control.fail(detail)

    async def refresh_control_flags(self) -> None:
        """Apply the request's control flags to the chunk. The consumer that wrote it may not have done so."""
        flags = await self._context.retry_until_available(
            "read of the control flags", self._context.ledger.requests.control_flags, self.chunk.key
        )
        if flags != self.chunk.control_flags:
            await apply_control_flags(self.chunk.key, flags, self._context, self.chunk.part)
            # This write is fenced. Only an owner that still holds the chunk after the flags were written may obey them.
            await self._advance(self._work, self._window.intent)

    def publish_accepted(self) -> None:
        """Start to publish that the request was accepted."""
        self._publisher.publish_accepted(self.chunk.size)

    async def resume_previous_claim(self) -> None:
        """Publish what a previous owner logged, and find out which deliveries of its window are certain."""
        if self._work.unacknowledged:
            self._publisher.add((await self._logs.read(indices(self._work.unacknowledged))).values())
        await self.recover_window(read_logs=self._header.on_uncertain is OnUncertain.RESEND)
        self._publisher.start()
        await self.record_new_intent()

    async def record_new_intent(self) -> None:
        """Write a claimed window again before it is sent, if it lost an attempt, changes its provider, or has a budget.

        A window that was taken over may kill each process that sends it. The work stays as it was claimed, except for
        deliveries beyond the budget. The owner that ends the window counts what was logged of it.
        """
        claimed = self._window.intent
        if self._control.stop or claimed is None or not self._window.without_result:
            return
        intent, others = self._choice.corrected(
            count_lost_attempt(self._window) or claimed, taken_over=self._window.taken_over
        )
        if self._control.paused:  # A paused delivery is put back together with its attempts.
            return
        if others:
            moved = self._window.move_out(intent, others)
            self._work = replace(self._work, retries=(*self._work.retries, *moved))
        await self._admit(self._window, intent)
        if self._window.intent != claimed:
            await self._advance(self._work, self._window.intent)

    async def recover_window(self, *, read_logs: bool = False) -> None:
        """Find the logs of a window that a previous owner may have sent, and may still be logging."""
        if self._window.intent and (read_logs or may_be_logged(self._window)):
            logs = await self._logs.read(entry.index for entry in self._window.deliveries)
            self._record_logs(apply_stored_logs(self._window, logs))
            was_pinned = self._window.is_pinned
            self._rules.apply_takeover(self._window, stopped=self._control.stop is not None)
            if self._costs:
                self._costs.note_recovered(self._window, logs, was_pinned=was_pinned)
                self._work = replace(self._work, doubts=dict(self._costs.doubts))

    async def send(self) -> None:
        """Call the provider for every delivery of the window that has no result."""
        self._check_expiry()
        if self._control.stop or self._control.paused:
            self._window.end_without_call(NotSent.STOPPED if self._control.stop else NotSent.DEFERRED)
        elif problem := await self._rules.unsendable(self._window) or unreserved(
            self._header, self._budget, self._window
        ):
            self._window.end_without_call(problem)
        else:
            await self._checks.mark(self._window.without_result)
        while to_send := self._window.without_result:
            plan = SendPlan(
                self._choice.provider(self._window.provider),
                self._factory.draft,
                self._lease,
                self.chunk.lane,
                self._is_stopped,
                self.chunk.channel,
                self._header.tenant_id,
                self._window.is_pinned,
            )
            await send(to_send, plan, self._context)
            if not await self._writes.still_owns():
                break
        self._check_expiry()

    def _is_stopped(self) -> bool:
        """Return whether nothing of the request may be sent any more, or not now."""
        self._check_expiry()
        return self._control.stop is not None or self._control.paused

    async def write_logs(self) -> None:
        """Write the logs of all outcomes. If a log exists already, it counts instead."""
        now, with_result = self._context.ledger.now(), self._window.with_result
        rules = self._rules.outcome_rules(self._window, self._control.stop)
        self._outcomes = decide_window(with_result, rules, self._control.stop)
        if self._costs:
            self._costs.note_retries(with_result, self._outcomes.retries, rules)
        if self._control.stop:
            self._outcomes.add(stop_waiting(waiting_deliveries(self._work), self._control.stop))
            self._work = replace(self._work, untried=(), retries=())
        logs = [self._factory.log_of_decision(decided, now) for decided in self._work.decided]
        logs += [self._factory.log_of_outcome(final, now) for final in self._outcomes.final]
        if logs:
            self._record_logs(stored := await self._logs.write(logs))
            await self._checks.note_logs(stored)
        if len(with_result) < len(self._window.deliveries) or not await self._writes.still_owns():
            raise LeaseLost(self.chunk.id)  # The next owner publishes the events of the stored logs.

    def start_publishing(self) -> None:
        """Start to publish the events of the stored logs. The next window does not wait for it."""
        self._publisher.start()

    async def advance(self) -> None:
        """Write the finished work and the next window as an intent. Apply the control flags that come back."""
        work = replace(
            self._work,
            retries=(*self._work.retries, *self._outcomes.retries),
            decided=tuple(self._outcomes.unsent_decisions),
            counts=self._logs.counts,
            cost=self._logs.cost,
            doubts=dict(self._costs.doubts) if self._costs else self._work.doubts,
            unacknowledged=self._publisher.unacknowledged(),
            accepted_pending=self._publisher.accepted_pending,
        )
        self._outcomes = WindowOutcomes()
        go_on = not (self._control.stop or self._control.paused or self._context.stopping.is_set())
        intent, rest = await self._choice.next_window(await self._checks.postpone(work)) if go_on else (None, work)
        self._work, self._window = rest, OpenWindow(intent)
        if intent:
            await self._admit(self._window, intent)
        await self._advance(self._work, self._window.intent)

    async def _admit(self, window: OpenWindow, intent: Window) -> None:
        """Set the intent of a window. With a budget, reserve what it may cost, and decide deliveries beyond it."""
        within: Window | None = intent
        if self._budget:
            within, self._work = await self._budget.admit(window, intent, self._work, self._logs.cost)
        window.narrow(within)

    async def wait_briefly_for_acks(self) -> bool:
        """Return whether every event is acknowledged soon, so that the next write can close the chunk."""
        return await self._publisher.wait_briefly()

    async def wait_for_acks(self) -> None:
        """Wait until every event of the chunk is acknowledged."""
        await self._publisher.wait()

    async def close_or_release(self) -> ClosedChunk | None:
        """Close the chunk and return what its end says about the request, or put it back until the earliest retry."""
        if self._budget:
            await self._budget.give_back(self._logs.cost)
        if not self._work.waiting:
            completion = await self._writes.close(self._logs.counts, self._logs.cost)
            return ClosedChunk(self._header, self.chunk.lane, self._logs.counts, self._logs.cost, completion)
        left = replace(self._work, unacknowledged=(), accepted_pending=False)
        work, due_at = self._choice.released(left)
        await self._writes.release(work, due_before_expiry(due_at, self._header.expires_at))
        return None

    def cancel_publishing(self) -> None:
        """Stop publishing. The next owner publishes every event that was not acknowledged."""
        self._publisher.cancel()

    async def _advance(self, work: Work, window: Window | None) -> None:
        self._control.apply(await self._writes.advance(work, window))

    def _check_expiry(self) -> None:
        # A worker that may have lost the chunk does not decide this: the next owner may be sending in time.
        if self._header.expires_at and self._lease.alive:
            self._control.check_expiry(self._context.ledger.now())

    def _record_logs(self, logs: list[Log]) -> None:
        if logs:
            self._logs.count(logs)
            self._publisher.add(logs)
