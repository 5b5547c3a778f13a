"""A chunk in this process's hands: each verb of Deliver is a method, each write to the chunk carries its hold."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from consumer.context import ConsumerContext
from consumer.deliver.delivery_factory import LogMaker
from consumer.deliver.lease import Lease, LeaseLost
from consumer.deliver.send_window import entries_of, send
from consumer.deliver.takeover import inherit
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
from ledger.models import ClaimResult, ControlFlags, Log
from ledger.sealing import Sealed
from providers.provider import Provider
from schemas.statuses import OnUncertain, Status

SOON_SECONDS = 3.0
"""How long a chunk that is done waits for Kafka before it writes so; a third of a lease at most."""
NOT_SENT = frozenset({Status.FAILED, Status.CANCELLED, Status.EXPIRED})


class ChunkInHand:
    """The owner's side of one claim. Raises LeaseLost as soon as another may have taken over."""

    def __init__(
        self,
        claimed: ClaimResult,
        opened: OpenedRequest,
        recipients: list[Sealed],
        lease: Lease,
        context: ConsumerContext,
    ) -> None:
        self.chunk, self._hold, self._window = claimed.chunk, claimed.token, claimed.window
        self._taken_over, self._context, self._opened, self._lease = claimed.taken_over, context, opened, lease
        self._work = claimed.chunk.work
        self._counts: Counts = Counter(self._work.counts)
        self._entries = entries_of(self._window)
        self._again: list[WaitingDelivery] = []
        self._held: list[DecidedDelivery] = []
        self._standing: dict[int, Log] = {}
        self._publishing: dict[asyncio.Task[None], Ranges] = {}
        self._maker = LogMaker(self.chunk, opened, recipients)
        self._stop: Status | None = None
        self._paused = False
        self._why: str | None = None
        self._obey(self.chunk.control_flags)
        self._expire()

    @property
    def busy(self) -> bool:
        """Whether there is something to send, to log, or to stop."""
        return bool(self._window or self._work.decided or (self._stop and self._work.waiting))

    @property
    def sends(self) -> bool:
        """Whether something may be sent, for which the text and the addresses are needed."""
        return not self._stop and not self._paused and bool(self._window or self._work.waiting)

    @property
    def done(self) -> bool:
        """Whether all of it is logged, so that nothing is left but to wait for its events and to close it."""
        return not (self._work.waiting or self._again or self._held)

    def give_up(self, why: str) -> None:
        """End all that was not sent as failed."""
        self._stop, self._why = self._stop or Status.FAILED, why

    async def ask_for_marks(self) -> None:
        """Put on the chunk what was ordered about its request, and obey it: its expander may not have come to that."""
        marks = await self._context.retry_until_available(
            "read the marks", self._context.ledger.requests.control_flags, self.chunk.key
        )
        if marks != self.chunk.control_flags:
            await apply_control_flags(self.chunk.key, marks, self._context, self.chunk.part)
            # Fenced: only an owner who still is one after the mark was written may act on it.
            await self._advance(self._work, self._window)

    async def take_up(self) -> None:
        """Publish what an earlier owner logged; find out which deliveries of its window are certain (take-over)."""
        if self._work.unacknowledged:
            logged = await self._logged(indices(self._work.unacknowledged))
            self._standing.update(logged)
        careful = self._opened.header.on_uncertain is OnUncertain.RESEND
        await self.look_back(doubtful=self._taken_over or careful)
        self.publish()
        await self._intend_again()

    async def _intend_again(self) -> None:
        """Count the attempt of a former owner before its window is sent again: it may have died of that window.

        The chunk's work stays as it was claimed: what stands of an open window is counted by whoever ends it.
        """
        again = [entry for entry in self._entries if entry.result is None]
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

    async def look_back(self, *, doubtful: bool = False) -> None:
        """Find the logs of a window that an earlier owner may have sent, and perhaps goes on to log."""
        provider = self._provider()
        if self._window and (doubtful or self._window.batch.possibly_sent or self._window.batch.pinned_provider):
            logged = await self._logged(entry.index for entry in self._entries)
            for entry in self._entries:
                if log := logged.get(entry.index):
                    entry.result = NotSent.ALREADY_LOGGED
                    self._count([log])
            inherit(
                self._entries,
                self._window,
                provider,
                self._opened.header,
                taken_over=self._taken_over,
                stop=self._stop,
                max_attempts=self._context.tuning.retry.max_attempts,
            )

    async def send(self) -> None:
        """Call the provider for every delivery of the window that nothing is known about."""
        self._expire()
        if self._stop or self._paused:
            for entry in self._entries:
                entry.result = entry.result or (NotSent.STOPPED if self._stop else NotSent.DEFERRED)
        while to_send := [entry for entry in self._entries if entry.result is None]:
            render, expires_at = self._maker.message, self._opened.header.expires_at
            await send(to_send, self._provider(), render, self._lease, self.chunk.lane, expires_at, self._context)
            if not await self._is_mine():
                break
        self._expire()

    async def log(self) -> None:
        """Write the outcomes, decided ones included; what stands already counts as it stands."""
        now, rules = self._context.ledger.now(), self._rules()
        answered = [entry for entry in self._entries if entry.result is not None]
        logs = [self._maker.decided(decided, now) for decided in self._work.decided]
        logs += [log for entry in answered if (log := self._judge(entry, rules, now))]
        if self._stop:
            logs += self._stop_rest(self._stop, now)
        if logs:
            self._count(await self._context.retry_until_available("log", self._context.ledger.logs.insert_or_get, logs))
        if len(answered) < len(self._entries) or not await self._is_mine():
            raise LeaseLost(self.chunk.id)  # whoever has the chunk now publishes what stands

    def _judge(self, entry: WindowDelivery, rules: OutcomeRules, now: datetime) -> Log | None:
        """The log of an outcome; nothing where it is tried again, or must be in the chunk before it is in a log."""
        found = decide(entry, rules)
        if found is None:
            return None
        if isinstance(found, WaitingDelivery):
            if not self._stop:
                self._again.append(found)
                return None
            found = outcome_of_stopped_delivery(self._stop, found, self._why)
        attempts = entry.attempts + (not isinstance(entry.result, NotSent) or entry.result is NotSent.MAYBE_SENT)
        provider = rules.provider if attempts else None  # of a cancelled one nobody may have been asked
        if found.reason and found.status in NOT_SENT and rules.record_before_log:
            decided = DecidedDelivery(entry.index, found.status, found.reason, found.error, provider, attempts)
            self._held.append(decided)
            return None
        return self._maker.ended(entry.index, found, attempts, provider, now)

    def _stop_rest(self, stop: Status, now: datetime) -> list[Log]:
        """The logs of what waits in no window, and will not be sent.

        A cancel and the time stop every owner alike. Where this one gave up by itself, an owner after it could send
        what has a log already, so that *not sent* must be in the chunk first.
        """
        logs = []
        for line in waiting_deliveries(self._work):
            found = outcome_of_stopped_delivery(stop, line, self._why)
            if self._why and found.reason and found.status in NOT_SENT:
                decided = DecidedDelivery(line.index, found.status, found.reason, found.error, attempts=line.attempts)
                self._held.append(decided)
            else:
                logs.append(self._maker.ended(line.index, found, line.attempts, None, now))
        self._work = replace(self._work, untried=(), retries=())
        return logs

    def publish(self) -> None:
        """Start to publish the events of what stands; the next window need not wait for it."""
        logs, self._standing = self._standing, {}
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
            retries=(*self._work.retries, *self._again),
            decided=tuple(self._held),
            counts=self._counts,
            unacknowledged=self._unacked(),
        )
        self._again, self._held = [], []
        go_on = not (self._stop or self._paused or self._context.stopping.is_set())
        batch, rest = take_next_batch(work, now, self._context.tuning.window_size) if go_on else (None, work)
        window = Window(batch, self._choose(batch.attempts, batch.pinned_provider)) if batch else None

        await self._advance(rest, window)
        self._work, self._window, self._taken_over = rest, window, False
        self._entries = entries_of(window)

    async def _advance(self, work: Work, window: Window | None) -> None:
        """Write both, fenced, and obey the marks that come back."""

        async def ask() -> ControlFlags | None:
            asked_at = self._context.monotonic()
            marks = await self._context.ledger.chunks.advance(self._hold, work, window)
            if marks is not None:
                self._lease.extended(asked_at)
            return marks

        marks = await self._context.retry_until_available("advance", ask)
        if marks is None:
            raise self._lease.refused()
        self._context.readiness.record_progress(self.chunk.lane)
        self._obey(marks)

    def _obey(self, marks: ControlFlags) -> None:
        self._paused = marks.paused
        if marks.cancelled:
            self._stop = self._stop or Status.CANCELLED

    async def acknowledged_soon(self) -> bool:
        """Whether every event is acknowledged before long, so that closing the chunk is the next write."""
        if self._publishing:
            await asyncio.wait(self._publishing, timeout=min(SOON_SECONDS, self._hold.lease_seconds / 3))
        return not self._unacked()

    async def acknowledged(self) -> None:
        """Wait until every event of this chunk is acknowledged."""
        while self._publishing:
            done, _ = await asyncio.wait(self._publishing, timeout=self._hold.lease_seconds / 3)
            self._unacked()
            for task in done:
                task.result()
            if not self._lease.alive:
                raise LeaseLost(self.chunk.id)

    async def leave(self) -> Counts | None:
        """Close the chunk, or put it back until the earliest retry; the counts that it is closed with."""
        chunks, size = self._context.ledger.chunks, self._context.tuning.window_size
        if self._work.waiting:
            left, due_at = prepare_release(replace(self._work, unacknowledged=()), size)
            due_at = due_before_expiry(due_at, self._opened.header.expires_at)
            if not await self._context.retry_until_available("release", chunks.release, self._hold, left, due_at):
                raise self._lease.refused()
            self._context.readiness.record_progress(self.chunk.lane)
            return None
        if not await self._context.retry_until_available("close", chunks.close, self._hold, self._counts):
            raise self._lease.refused()
        self._context.readiness.record_progress(self.chunk.lane)
        return self._counts

    def drop(self) -> None:
        """Let go of what is still being published: the next owner publishes it (again)."""
        for task in self._publishing:
            task.cancel()

    # ------------------------------------------------------------------ small things

    async def _is_mine(self) -> bool:
        """Whether this owner may go on; a lease that ended, in an outage perhaps, is asked for again."""
        chunks = self._context.ledger.chunks
        return self._lease.alive or await self._context.retry_until_available("renew", self._lease.renew, chunks)

    async def _logged(self, at: Iterable[int]) -> dict[int, Log]:
        ids = log_ids(self.chunk.key, self.chunk.part, at)
        found = await self._context.retry_until_available("look back", self._context.ledger.logs.get_many, ids)
        return {index_of(log_id): log for log_id, log in found.items()}

    def _count(self, logs: list[Log]) -> None:
        outcomes = Counter((log.outcome, log.reason) for log in logs)
        self._counts.update(outcomes)
        self._standing.update((index_of(log.id), log) for log in logs)
        age = self._context.ledger.now() - self._opened.header.accepted_at
        self._context.metrics.ended(self.chunk.lane, outcomes, age.total_seconds())

    def _unacked(self) -> Ranges:
        """What is logged and not acknowledged; forgets what is."""
        finished = [task for task in self._publishing if task.done() and not task.exception()]
        for task in finished:
            del self._publishing[task]
        return to_ranges(sorted(index for ranges in self._publishing.values() for index in indices(ranges)))

    def _expire(self) -> None:
        expires_at = self._opened.header.expires_at
        # Not by a worker that may have lost the chunk: the next owner, who was in time, may be sending.
        if not self._stop and expires_at and self._lease.alive and self._context.ledger.now() >= expires_at:
            self._stop = Status.EXPIRED

    def _provider(self) -> Provider | None:
        name = self._window.provider if self._window else None
        return self._context.providers.get(name) if name else None

    def _choose(self, attempts: int, sticky: str | None) -> str | None:
        names = self._context.providers.for_channel(self.chunk.channel)
        return sticky or (names[attempts % len(names)].name if names else None)

    def _rules(self) -> OutcomeRules:
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
            stop_detail=self._why,
        )
