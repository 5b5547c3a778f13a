"""A chunk in this process's hands: each verb of Deliver is a method, each write to the chunk carries its hold."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from consumer.context import ConsumerContext
from consumer.deliver.delivery_factory import DeliveryFactory
from consumer.deliver.lease import Lease, LeaseLost
from consumer.deliver.send_window import send, window_deliveries
from consumer.deliver.takeover import apply_takeover
from consumer.events import outcome_events
from consumer.publish_results import publish_results
from consumer.request_cache import OpenedRequest
from consumer.request_lifecycle import apply_control_flags
from core.chunk_work import (
    Counts,
    DecidedDelivery,
    WaitingDelivery,
    Window,
    Work,
    due_before_expiry,
    prepare_release,
    take_next_batch,
    waiting_deliveries,
)
from core.delivery_outcome import NotSent, OutcomeRules, WindowDelivery, decide, outcome_of_stopped_delivery
from core.ids import index_of, log_ids
from core.index_ranges import Ranges, indices, to_ranges
from ledger.claims import ClaimResult
from ledger.models import ControlFlags, Log
from ledger.sealing import ChunkRecipient
from providers.provider import Provider
from schemas.statuses import OnUncertain, Status

ACK_WAIT_SECONDS = 3.0
"""How long a chunk that is done waits for Kafka before it writes so; a third of a lease at most."""
NOT_SENT = frozenset({Status.FAILED, Status.CANCELLED, Status.EXPIRED})


class ChunkWorker:
    """The owner's side of one claim. Raises LeaseLost as soon as another may have taken over."""

    def __init__(
        self,
        claimed: ClaimResult,
        opened: OpenedRequest,
        recipients: list[ChunkRecipient],
        lease: Lease,
        context: ConsumerContext,
    ) -> None:
        self.chunk, self._token, self._window = claimed.chunk, claimed.token, claimed.window
        self._taken_over, self._context, self._opened, self._lease = claimed.taken_over, context, opened, lease
        self._work = claimed.chunk.work
        self._counts: Counts = Counter(self._work.counts)
        self._deliveries = window_deliveries(self._window)
        self._retries: list[WaitingDelivery] = []
        self._unsent_decisions: list[DecidedDelivery] = []
        self._unpublished_logs: dict[int, Log] = {}
        self._publishing: dict[asyncio.Task[None], Ranges] = {}
        self._factory = DeliveryFactory(self.chunk, opened, recipients)
        self._stop: Status | None = None
        self._paused = False
        self._stop_detail: str | None = None
        self._apply_control_flags(self.chunk.control_flags)
        self._check_expiry()

    @property
    def has_work(self) -> bool:
        """Whether there is something to send, to log, or to stop."""
        return bool(self._window or self._work.decided or (self._stop and self._work.waiting))

    @property
    def may_send(self) -> bool:
        """Whether something may be sent, for which the text and the addresses are needed."""
        return not self._stop and not self._paused and bool(self._window or self._work.waiting)

    @property
    def is_fully_logged(self) -> bool:
        """Whether all of it is logged, so that nothing is left but to wait for its events and to close it."""
        return not (self._work.waiting or self._retries or self._unsent_decisions)

    def fail_unsent(self, why: str) -> None:
        """End all that was not sent as failed."""
        self._stop, self._stop_detail = self._stop or Status.FAILED, why

    async def refresh_control_flags(self) -> None:
        """Put on the chunk what was ordered about its request, and obey it: its expander may not have come to that."""
        flags = await self._context.retry_until_available(
            "read the marks", self._context.ledger.requests.control_flags, self.chunk.key
        )
        if flags != self.chunk.control_flags:
            await apply_control_flags(self.chunk.key, flags, self._context, self.chunk.part)
            # Fenced: only an owner who still is one after the mark was written may act on it.
            await self._advance(self._work, self._window)

    async def resume_previous_claim(self) -> None:
        """Publish what an earlier owner logged; find out which deliveries of its window are certain (take-over)."""
        if self._work.unacknowledged:
            logged = await self._read_logs(indices(self._work.unacknowledged))
            self._unpublished_logs.update(logged)
        careful = self._opened.header.on_uncertain is OnUncertain.RESEND
        await self.recover_window(doubtful=self._taken_over or careful)
        self.start_publishing()
        await self.record_retry_intent()

    async def record_retry_intent(self) -> None:
        """Count the attempt of a former owner before its window is sent again: it may have died of that window.

        The chunk's work stays as it was claimed: what stands of an open window is counted by whoever ends it.
        """
        again = [entry for entry in self._deliveries if entry.result is None]
        if not (self._window and self._taken_over and again) or self._stop:
            return
        for entry in again:
            entry.attempts += 1
        if self._paused:  # what is put back takes the attempt along
            return
        batch = self._window.batch
        window = replace(self._window, batch=replace(batch, attempts=batch.attempts + 1))
        await self._advance(self._work, window)
        self._window = window

    async def recover_window(self, *, doubtful: bool = False) -> None:
        """Find the logs of a window that an earlier owner may have sent, and perhaps goes on to log."""
        provider = self._provider()
        if self._window and (doubtful or self._window.batch.possibly_sent or self._window.batch.pinned_provider):
            logged = await self._read_logs(entry.index for entry in self._deliveries)
            for entry in self._deliveries:
                if log := logged.get(entry.index):
                    entry.result = NotSent.ALREADY_LOGGED
                    self._record_logs([log])
            apply_takeover(
                self._deliveries,
                self._window,
                provider,
                self._opened.header,
                taken_over=self._taken_over,
                stop=self._stop,
                max_attempts=self._context.tuning.retry.max_attempts,
            )

    async def send(self) -> None:
        """Call the provider for every delivery of the window that nothing is known about."""
        self._check_expiry()
        if self._stop or self._paused:
            for entry in self._deliveries:
                entry.result = entry.result or (NotSent.STOPPED if self._stop else NotSent.DEFERRED)
        while to_send := [entry for entry in self._deliveries if entry.result is None]:
            render, expires_at = self._factory.message, self._opened.header.expires_at
            await send(to_send, self._provider(), render, self._lease, self.chunk.lane, expires_at, self._context)
            if not await self._still_owns():
                break
        self._check_expiry()

    async def write_logs(self) -> None:
        """Write the outcomes, decided ones included; what stands already counts as it stands."""
        now, rules = self._context.ledger.now(), self._outcome_rules()
        answered = [entry for entry in self._deliveries if entry.result is not None]
        logs = [self._factory.log_of_decision(decided, now) for decided in self._work.decided]
        logs += [log for entry in answered if (log := self.decide_delivery(entry, rules, now))]
        if self._stop:
            logs += self.stop_remaining(self._stop, now)
        if logs:
            self._record_logs(
                await self._context.retry_until_available("log", self._context.ledger.logs.insert_or_get, logs)
            )
        if len(answered) < len(self._deliveries) or not await self._still_owns():
            raise LeaseLost(self.chunk.id)  # whoever has the chunk now publishes what stands

    def decide_delivery(self, entry: WindowDelivery, rules: OutcomeRules, now: datetime) -> Log | None:
        """The log of an outcome; nothing where it is tried again, or must be in the chunk before it is in a log."""
        found = decide(entry, rules)
        if found is None:
            return None
        if isinstance(found, WaitingDelivery):
            if not self._stop:
                self._retries.append(found)
                return None
            found = outcome_of_stopped_delivery(self._stop, found, self._stop_detail)
        attempts = entry.attempts + (not isinstance(entry.result, NotSent) or entry.result is NotSent.MAYBE_SENT)
        provider = rules.provider if attempts else None  # of a cancelled one nobody may have been asked
        if found.reason and found.status in NOT_SENT and rules.record_before_log:
            decided = DecidedDelivery(entry.index, found.status, found.reason, found.error, provider, attempts)
            self._unsent_decisions.append(decided)
            return None
        return self._factory.log_of_outcome(entry.index, found, attempts, provider, now)

    def stop_remaining(self, stop: Status, now: datetime) -> list[Log]:
        """The logs of what waits in no window, and will not be sent.

        A cancel and the time stop every owner alike. Where this one gave up by itself, an owner after it could send
        what has a log already, so that *not sent* must be in the chunk first.
        """
        logs = []
        for line in waiting_deliveries(self._work):
            found = outcome_of_stopped_delivery(stop, line, self._stop_detail)
            if self._stop_detail and found.reason and found.status in NOT_SENT:
                decided = DecidedDelivery(line.index, found.status, found.reason, found.error, attempts=line.attempts)
                self._unsent_decisions.append(decided)
            else:
                logs.append(self._factory.log_of_outcome(line.index, found, line.attempts, None, now))
        self._work = replace(self._work, untried=(), retries=())
        return logs

    def start_publishing(self) -> None:
        """Start to publish the events of what stands; the next window need not wait for it."""
        logs, self._unpublished_logs = self._unpublished_logs, {}
        if not logs:
            return
        if not self._lease.alive:  # whoever has the chunk now publishes what stands
            raise LeaseLost(self.chunk.id)
        header = self._opened.header
        events = outcome_events(logs, header, self.chunk.part)
        publishing = publish_results(header, events, self._context, "publish")
        self._publishing[asyncio.create_task(publishing)] = to_ranges(sorted(logs))

    async def advance(self) -> None:
        """Write what is done, and the next window as an intent; learn what was ordered about the request."""
        now = self._context.ledger.now()
        work = replace(
            self._work,
            retries=(*self._work.retries, *self._retries),
            decided=tuple(self._unsent_decisions),
            counts=self._counts,
            unacknowledged=self.unacknowledged(),
        )
        self._retries, self._unsent_decisions = [], []
        go_on = not (self._stop or self._paused or self._context.stopping.is_set())
        batch, rest = take_next_batch(work, now, self._context.tuning.window_size) if go_on else (None, work)
        window = Window(batch, self._choose_provider(batch.attempts, batch.pinned_provider)) if batch else None

        await self._advance(rest, window)
        self._work, self._window, self._taken_over = rest, window, False
        self._deliveries = window_deliveries(window)

    async def _advance(self, work: Work, window: Window | None) -> None:
        """Write both, fenced, and obey the marks that come back."""

        async def ask() -> ControlFlags | None:
            asked_at = self._context.monotonic()
            flags = await self._context.ledger.chunks.advance(self._token, work, window)
            if flags is not None:
                self._lease.extend_from(asked_at)
            return flags

        flags = await self._context.retry_until_available("advance", ask)
        if flags is None:
            raise self._lease.mark_lost()
        self._context.readiness.record_progress(self.chunk.lane)
        self._apply_control_flags(flags)

    def _apply_control_flags(self, flags: ControlFlags) -> None:
        self._paused = flags.paused
        if flags.cancelled:
            self._stop = self._stop or Status.CANCELLED

    async def wait_briefly_for_acks(self) -> bool:
        """Whether every event is acknowledged before long, so that closing the chunk is the next write."""
        if self._publishing:
            await asyncio.wait(self._publishing, timeout=min(ACK_WAIT_SECONDS, self._token.lease_seconds / 3))
        return not self.unacknowledged()

    async def wait_for_acks(self) -> None:
        """Wait until every event of this chunk is acknowledged."""
        while self._publishing:
            done, _ = await asyncio.wait(self._publishing, timeout=self._token.lease_seconds / 3)
            self.unacknowledged()
            for task in done:
                task.result()
            if not self._lease.alive:
                raise LeaseLost(self.chunk.id)

    async def close_or_release(self) -> Counts | None:
        """Close the chunk, or put it back until the earliest retry; the counts that it is closed with."""
        chunks, size = self._context.ledger.chunks, self._context.tuning.window_size
        if self._work.waiting:
            left, due_at = prepare_release(replace(self._work, unacknowledged=()), size)
            due_at = due_before_expiry(due_at, self._opened.header.expires_at)
            if not await self._context.retry_until_available("release", chunks.release, self._token, left, due_at):
                raise self._lease.mark_lost()
            self._context.readiness.record_progress(self.chunk.lane)
            return None
        if not await self._context.retry_until_available("close", chunks.close, self._token, self._counts):
            raise self._lease.mark_lost()
        self._context.readiness.record_progress(self.chunk.lane)
        return self._counts

    def cancel_publishing(self) -> None:
        """Let go of what is still being published: the next owner publishes it (again)."""
        for task in self._publishing:
            task.cancel()

    # ------------------------------------------------------------------ small things

    async def _still_owns(self) -> bool:
        """Whether this owner may go on; a lease that ended, in an outage perhaps, is asked for again."""
        chunks = self._context.ledger.chunks
        return self._lease.alive or await self._context.retry_until_available("renew", self._lease.renew, chunks)

    async def _read_logs(self, at: Iterable[int]) -> dict[int, Log]:
        ids = log_ids(self.chunk.key, self.chunk.part, at)
        found = await self._context.retry_until_available("look back", self._context.ledger.logs.get_many, ids)
        return {index_of(log_id): log for log_id, log in found.items()}

    def _record_logs(self, logs: list[Log]) -> None:
        outcomes = Counter((log.outcome, log.reason) for log in logs)
        self._counts.update(outcomes)
        self._unpublished_logs.update((index_of(log.id), log) for log in logs)
        age = self._context.ledger.now() - self._opened.header.accepted_at
        self._context.metrics.ended(self.chunk.lane, outcomes, age.total_seconds())

    def unacknowledged(self) -> Ranges:
        """What is logged and not acknowledged; forgets what is."""
        finished = [task for task in self._publishing if task.done() and not task.exception()]
        for task in finished:
            del self._publishing[task]
        return to_ranges(sorted(index for ranges in self._publishing.values() for index in indices(ranges)))

    def _check_expiry(self) -> None:
        expires_at = self._opened.header.expires_at
        # Not by a worker that may have lost the chunk: the next owner, who was in time, may be sending.
        if not self._stop and expires_at and self._lease.alive and self._context.ledger.now() >= expires_at:
            self._stop = Status.EXPIRED

    def _provider(self) -> Provider | None:
        name = self._window.provider if self._window else None
        return self._context.providers.get(name) if name else None

    def _choose_provider(self, attempts: int, sticky: str | None) -> str | None:
        names = self._context.providers.for_channel(self.chunk.channel)
        return sticky or (names[attempts % len(names)].name if names else None)

    def _outcome_rules(self) -> OutcomeRules:
        header, provider, context = self._opened.header, self._provider(), self._context
        draw, window = context.random(), self._window
        deduplicates = bool(provider and provider.deduplicates)
        return OutcomeRules(
            on_uncertain=header.on_uncertain,
            provider=window.provider if window else None,
            deduplicates=deduplicates,
            sticky=bool(window and (window.batch.pinned_provider or (self._taken_over and deduplicates))),
            providers=len(context.providers.for_channel(self.chunk.channel)),
            started_at=max(header.accepted_at, header.send_at or header.accepted_at),
            now=context.ledger.now(),
            retry=context.tuning.retry,
            jitter=lambda: draw,
            stopped_as=self._stop or Status.CANCELLED,
            stop_detail=self._stop_detail,
        )
