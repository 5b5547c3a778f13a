"""Outcome events of one chunk, and their acknowledgements."""

import asyncio
from collections.abc import Iterable, Sequence

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease, LeaseLost
from consumer.events import Event, accepted_event, outcome_events
from consumer.publish_results import publish_results
from core.ids import index_of
from core.index_ranges import Ranges, indices, to_ranges
from ledger.models import Log, RequestHeader


class ChunkEventPublisher:
    """Publishes the events of a chunk in the background, one task a window, while the next window is sent."""

    def __init__(self, header: RequestHeader, part: int, lease: Lease, context: ConsumerContext) -> None:
        self._header, self._part, self._lease, self._context = header, part, lease, context
        self._unpublished_logs: dict[int, Log] = {}
        self._tasks: dict[asyncio.Task[None], Ranges] = {}
        self._accepted: asyncio.Task[None] | None = None

    def publish_accepted(self, recipients: int) -> None:
        """Start to publish `request.accepted`. The events that are started later wait for its acknowledgement."""
        event = accepted_event(self._header, self._part, recipients)
        publishing = publish_results(self._header, [event], self._context, "publish request.accepted")
        self._accepted = asyncio.create_task(publishing)
        self._tasks[self._accepted] = ()

    @property
    def accepted_pending(self) -> bool:
        """Return whether `request.accepted` is published here and not acknowledged yet."""
        return self._accepted is not None and not _is_acknowledged(self._accepted)

    def add(self, logs: Iterable[Log]) -> None:
        """Add logs whose events the next task publishes."""
        self._unpublished_logs.update((index_of(log.id), log) for log in logs)

    def start(self) -> None:
        """Start to publish the events of the added logs."""
        logs, self._unpublished_logs = self._unpublished_logs, {}
        if not logs:
            return
        if not self._lease.alive:  # The next owner publishes the events of the stored logs.
            raise LeaseLost(self._lease.token.chunk_id)
        events = outcome_events(logs, self._header, self._part)
        publishing = self._publish_after(self._accepted, events)
        self._tasks[asyncio.create_task(publishing)] = to_ranges(sorted(logs))

    async def _publish_after(self, accepted: asyncio.Task[None] | None, events: Sequence[Event]) -> None:
        if accepted:
            await accepted
        await publish_results(self._header, events, self._context, "publishing of outcome events")

    def unacknowledged(self) -> Ranges:
        """Return the deliveries whose events are not acknowledged yet. Forget the tasks that are done."""
        finished = [task for task in self._tasks if _is_acknowledged(task)]
        for task in finished:
            del self._tasks[task]
        return to_ranges(sorted(index for ranges in self._tasks.values() for index in indices(ranges)))

    async def wait_briefly(self) -> bool:
        """Return whether every event is acknowledged within a short time."""
        if self._tasks:
            longest = min(self._context.tuning.ack_wait_seconds, self._lease.token.lease_seconds / 3)
            await asyncio.wait(self._tasks, timeout=longest)
            self.unacknowledged()
        return not self._tasks

    async def wait(self) -> None:
        """Wait until every event is acknowledged. Raise LeaseLost if the lease ends before that."""
        while self._tasks:
            done, _ = await asyncio.wait(self._tasks, timeout=self._lease.token.lease_seconds / 3)
            self.unacknowledged()
            for task in done:
                task.result()
            if not self._lease.alive:
                raise LeaseLost(self._lease.token.chunk_id)

    def cancel(self) -> None:
        """Stop publishing. The next owner publishes every event that was not acknowledged."""
        for task in self._tasks:
            task.cancel()


def _is_acknowledged(publishing: asyncio.Task[None]) -> bool:
    return publishing.done() and not publishing.exception()
