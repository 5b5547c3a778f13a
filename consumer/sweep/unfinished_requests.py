"""Requests that no consumer finished: completions, their events, and parts that never came."""

from consumer.context import ConsumerContext
from consumer.flow_control.slots import DRAIN_SECONDS, WorkerSlots
from consumer.logger import logger
from consumer.request_lifecycle import apply_control_flags, complete_if_done, publish_completion
from core.ids import RequestKey
from ledger.models import StoredRequest

IDLE_SECONDS = 10.0
"""Minimum time between two checks of one request, in seconds."""
REQUESTS_PER_ROUND = 64
"""Maximum number of requests that one round takes. The other jobs of the sweeper wait for the round."""
MAX_CONCURRENT_REQUEST_CHECKS = 8
"""Maximum number of requests that are checked at the same time. A request whose topic takes no events occupies one of
these slots, and must not delay the others."""


class UnfinishedRequests:
    """Applies control flags, completes requests, publishes completions, and closes requests whose parts are missing."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._slots = WorkerSlots(MAX_CONCURRENT_REQUEST_CHECKS)
        self._in_progress: set[RequestKey] = set()

    async def check_next(self) -> None:
        """Start to check the requests that have been idle for long enough."""
        for _ in range(REQUESTS_PER_ROUND):
            if self._slots.full:
                return
            requests = await self._context.ledger.requests.take_unfinished(idle_seconds=IDLE_SECONDS, limit=1)
            if not requests:
                return
            if requests[0].header.key not in self._in_progress:
                await self._slots.acquire()
                self._slots.start(self._check(requests[0]))

    async def stop(self) -> None:
        """Let running checks finish for as long as running chunks may, and cancel the rest.

        If this is cancelled, the checks are cancelled at once. Each may wait for Kafka without a limit, and the ledger
        is closed next.
        """
        try:
            await self._slots.drain(DRAIN_SECONDS)
        finally:
            await self._slots.drain(0)

    async def _check(self, request: StoredRequest) -> None:
        key = request.header.key
        self._in_progress.add(key)
        try:
            await self.finish(request)
        finally:
            self._in_progress.discard(key)

    async def finish(self, request: StoredRequest) -> None:
        """Do what is left to do for one request."""
        if request.completion:
            await publish_completion(request.header, request.completion, self._context)
            return
        await apply_control_flags(request.header.key, request.control_flags, self._context)
        if request.all_parts_expanded:
            await complete_if_done(request.header.key, self._context, request)
        elif await self._is_overdue(request):
            await self._close_intake(request)
            await complete_if_done(request.header.key, self._context)

    async def _close_intake(self, request: StoredRequest) -> None:
        """Refuse the parts that never came, and write off the parts whose record was rejected or lost midway."""
        context, requests, key = self._context, self._context.ledger.requests, request.header.key
        if await context.retry_until_available("close of the intake", requests.close_intake, key):
            logger.warning("incomplete request closed", request_id=request.header.request_id)
        if updated := await context.retry_until_available(
            "write-off of lost parts", requests.write_off_lost_parts, key
        ):
            lost = sorted(updated.lost_parts)
            logger.warning("lost parts written off", request_id=request.header.request_id, parts=lost)

    async def _is_overdue(self, request: StoredRequest) -> bool:
        """Return whether a part has been missing for too long and does not just wait in the intake topic."""
        context, header = self._context, request.header
        if request.begun_at is None:
            return False
        waited = (context.ledger.now() - request.begun_at).total_seconds()
        if waited < context.tuning.part_timeout_seconds:
            return False
        lag = await context.retry_until_available(
            "read of the consumer lag", context.bus.consumer_lag, header.intake_topic, header.intake_partition
        )
        return lag == 0
