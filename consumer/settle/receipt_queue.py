"""Records of the receipts topic. Those that wait while some are settled are settled together afterwards."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple

from consumer.context import ConsumerContext
from consumer.dead_letters import publish_dead_letter
from consumer.kafka.offset_tracker import TrackedRecord
from consumer.kafka.record import KafkaRecord
from consumer.logger import error_location, logger
from consumer.monitoring.readiness import SETTLE
from consumer.settle.decode_receipt import UnusableReceipt, decode_receipt, receipt_id
from consumer.settle.keep_receipts import ReceiptKeeper
from consumer.settle.pending_receipt import PendingReceipt
from consumer.settle.receipt_events import ReceiptEvents, by_request
from consumer.settle.receipt_metrics import ReceiptCounter
from consumer.settle.settler import ReceiptResult, SettledReceipt, settle_receipts
from consumer.settle.suppress_recipients import suppress_recipients
from ledger.dead_letter_format import RejectedRequest
from ledger.models import RequestHeader
from schemas.receipts import ReceiptStatus
from schemas.statuses import RejectionReason

MAX_BATCH = 500
"""Maximum number of receipts that are settled together."""
MAX_IN_HAND = 2_000
"""Maximum number of records that are read and not done. A reply topic that takes no events holds some of them."""
MAX_BYTES_IN_HAND = 2 * 1024 * 1024
"""Maximum size of these records in bytes. A larger record is taken alone."""
MAX_TRIES = 3
"""Maximum number of tries of a receipt that causes internal errors."""


class _Taken(NamedTuple):
    """Record that was read and is not done."""

    record: KafkaRecord
    tracked: TrackedRecord
    pending: PendingReceipt


class ReceiptQueue:
    """Queue of the receipts topic. An offset is committed when its receipt and all earlier ones are done."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._counter = ReceiptCounter(context)
        self._events, self._keeper = ReceiptEvents(context), ReceiptKeeper(context, self._counter)
        self._waiting: deque[_Taken] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writer: asyncio.Task[None] | None = None
        self._freed = asyncio.Event()
        self._in_hand = self._bytes_in_hand = 0

    async def submit(self, record: KafkaRecord, tracked: TrackedRecord) -> None:
        """Take a record as soon as there is room."""
        while self._in_hand and not self._has_room(record.size) and not self._context.stopping.is_set():
            self._freed.clear()
            await self._freed.wait()
        if self._context.stopping.is_set():
            return
        self._in_hand += 1
        self._bytes_in_hand += record.size
        receipt = decode_receipt(record)
        if isinstance(receipt, UnusableReceipt):
            self._start(self._reject(record, tracked, receipt))
        elif receipt.status is ReceiptStatus.UNRECOGNISED:
            self._counter.unrecognised(receipt)
            self._done(record, tracked)
        else:
            pending = PendingReceipt.of(receipt_id(record), receipt, self._context.sealer)
            self._waiting.append(_Taken(record, tracked, pending))
            if self._writer is None or self._writer.done():
                self._writer = self._start(self._settle_all())

    async def drain(self, seconds: float) -> None:
        """Wait for what is being settled and published, then cancel the rest. Kafka delivers its records again."""
        self._freed.set()
        self._waiting.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
        self._in_hand = self._bytes_in_hand = 0

    def _has_room(self, size: int) -> bool:
        return self._in_hand < MAX_IN_HAND and self._bytes_in_hand + size <= MAX_BYTES_IN_HAND

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("settling of receipts failed", error=type(error).__name__, location=error_location(error))

    def _done(self, record: KafkaRecord, tracked: TrackedRecord) -> None:
        tracked.mark_done()
        self._forget(record)

    def _forget(self, record: KafkaRecord) -> None:
        self._in_hand -= 1
        self._bytes_in_hand -= record.size
        self._freed.set()

    async def _reject(self, record: KafkaRecord, tracked: TrackedRecord, unusable: UnusableReceipt) -> None:
        """Publish the dead letter of a record that is not a receipt."""
        context, reason = self._context, unusable.reason
        with (
            context.readiness.working_on(SETTLE, record.topic),
            context.readiness.stepping_over(record.origin, record.unparsed),
        ):
            await publish_dead_letter(record, reason, context, RejectedRequest(fields=unusable.fields))
        logger.warning("receipt rejected", origin=record.origin, reason=reason.value, fields=unusable.fields)
        self._done(record, tracked)

    async def _settle_all(self) -> None:
        """Settle one batch after the other. The first begins in the next turn, with all receipts of this turn."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
            current = [each for each in batch if each.tracked.is_current]
            for each in batch:
                if not each.tracked.is_current:  # it was read again
                    self._forget(each.record)
            if current:
                with self._context.readiness.working_on(SETTLE, current[0].record.topic):
                    await self._settle(current)

    async def _settle(self, batch: Sequence[_Taken], tries: int = 1) -> None:
        """Settle a batch. If the code fails on it, settle its halves, and in the end reject a single receipt."""
        try:
            await self._settle_together(batch)
        except Exception as error:  # noqa: BLE001  # raising here would leave the records, and all after them, uncommitted
            fields = {"error": type(error).__name__, "location": error_location(error)}
            logger.error("settling of receipts failed", origin=batch[0].record.origin, receipts=len(batch), **fields)
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._settle(batch[:middle])
                await self._settle(batch[middle:])
            elif tries < MAX_TRIES:
                await self._settle(batch, tries + 1)
            else:
                (taken,) = batch
                await self._reject(taken.record, taken.tracked, UnusableReceipt(RejectionReason.UNPROCESSABLE))

    async def _settle_together(self, batch: Sequence[_Taken]) -> None:
        """Move the logs, keep what matches none, and start to publish. The next batch does not wait for the events."""
        settled = await settle_receipts([each.pending for each in batch], self._context)
        unmatched = [each.pending for each in settled if each.result is ReceiptResult.UNMATCHED]
        await self._keeper.keep([*unmatched, *await suppress_recipients(settled, self._context)])
        due = {each.log.id: each for each in settled if each.has_event and each.log}
        groups = by_request(each.log for each in due.values() if each.log)
        headers = await self._events.load_headers(groups.keys())
        taken = {each.pending.id: each for each in batch}
        for key, logs in groups.items():
            group = [due[log.id] for log in logs]
            self._start(self._publish(group, [taken[each.pending.id] for each in group], headers.get(key)))
        for each in settled:
            if not each.has_event:
                self._finish(each, taken[each.pending.id])

    async def _publish(
        self, settled: Sequence[SettledReceipt], taken: Sequence[_Taken], header: RequestHeader | None
    ) -> None:
        """Publish the events of one request. Reject the receipts if the code fails on them."""
        try:
            with self._context.readiness.working_on(SETTLE, taken[0].record.topic):
                await self._events.publish([each.log for each in settled if each.log], header)
        except Exception as error:  # noqa: BLE001  # likewise
            logger.error("receipt event failed", error=type(error).__name__, location=error_location(error))
            for each in taken:
                await self._reject(each.record, each.tracked, UnusableReceipt(RejectionReason.UNPROCESSABLE))
            return
        for result, each in zip(settled, taken, strict=True):
            self._finish(result, each)

    def _finish(self, settled: SettledReceipt, taken: _Taken) -> None:
        if settled.result is not ReceiptResult.UNMATCHED:  # a receipt that is kept has been counted
            self._counter.done(settled)
        self._done(taken.record, taken.tracked)
