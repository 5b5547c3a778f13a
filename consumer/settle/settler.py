"""Move of logs by receipts. A status only moves forward, and each move is written only if nothing else came first."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.settle.match_receipts import match_receipts
from consumer.settle.pending_receipt import PendingReceipt
from core.ids import LogId
from ledger.models import Log
from ledger.personal_data_port import is_erased
from ledger.receipt_effects import AsLogged, LogChange
from schemas.receipts import ReceiptStatus
from schemas.statuses import Reason, Status

MAX_ROUNDS = 4
"""Maximum number of writes for a log. A status moves at most twice, and each lost write means that it has moved."""

_FORWARD = {
    Status.SENT: {ReceiptStatus.DELIVERED: Status.DELIVERED, ReceiptStatus.FAILED: Status.FAILED},
    Status.UNKNOWN: {
        ReceiptStatus.SENT: Status.SENT,
        ReceiptStatus.DELIVERED: Status.DELIVERED,
        ReceiptStatus.FAILED: Status.FAILED,
    },
}
"""New status by the current one and the status of the receipt. No other pair changes anything."""
_WITH_EVENT = frozenset({Status.DELIVERED, Status.FAILED})


class ReceiptResult(StrEnum):
    """Result of one receipt, as the metric shows it."""

    MOVED = "moved"
    """This receipt moved the log, now or before it was read again."""
    UNCHANGED = "unchanged"
    """The log was further already."""
    FOREIGN = "foreign"
    """The receipt names a delivery of another provider, or is about a copy of an e-mail."""
    UNMATCHED = "unmatched"
    """No log matches, or several do."""


class SettledReceipt(NamedTuple):
    """Receipt with its result."""

    pending: PendingReceipt
    result: ReceiptResult
    log: Log | None = None
    """Log of the delivery as it is stored now."""

    @property
    def has_event(self) -> bool:
        """Return whether the event of the log is due to this receipt. A repeat has the same event again."""
        return self.result is ReceiptResult.MOVED and self.log is not None and self.log.status in _WITH_EVENT


async def settle_receipts(receipts: Sequence[PendingReceipt], context: ConsumerContext) -> list[SettledReceipt]:
    """Move the logs of these receipts with one write. Return all results, in any order."""
    settled: list[SettledReceipt] = []
    matched: list[tuple[PendingReceipt, Log]] = []
    for pending, log, is_foreign in await match_receipts(receipts, context):
        if log is None:
            result = ReceiptResult.FOREIGN if is_foreign else ReceiptResult.UNMATCHED
            settled.append(SettledReceipt(pending, result))
        else:
            matched.append((pending, log))
    for _ in range(MAX_ROUNDS):
        if not matched:
            return settled
        planned, changes = plan_moves(matched, context.ledger.now())
        lost = changes.keys() - await _write(list(changes.values()), context)
        settled += [each for each in planned if each.log is None or each.log.id not in lost]
        again = [pending for pending, log in matched if log.id in lost]
        settled_again, matched = await _read_again(again, lost, matched, context)
        settled += settled_again
    raise AssertionError("a status that only moves forward has moved too often")


def plan_moves(
    matched: Iterable[tuple[PendingReceipt, Log]], now: datetime
) -> tuple[list[SettledReceipt], dict[LogId, LogChange]]:
    """Return the results of receipts in their order, and what they change. Several may be about one log."""
    current: dict[LogId, Log] = {}
    changes: dict[LogId, LogChange] = {}
    settled = []
    for pending, stored in matched:
        log = current.get(stored.id, stored)
        moved = move_log(log, pending, now)
        if moved is not None:
            log = current[stored.id] = moved
            changes[stored.id] = stored, moved
        result = ReceiptResult.MOVED if log.settled_by == pending.id else ReceiptResult.UNCHANGED
        settled.append(SettledReceipt(pending, result, log))
    return settled, changes


def move_log(log: Log, pending: PendingReceipt, now: datetime) -> Log | None:
    """Return the log after a receipt, or None if the receipt does not move it."""
    receipt = pending.receipt
    status = _FORWARD.get(log.status, {}).get(receipt.status)
    if status is None:
        return None
    return log._replace(
        status=status,
        reason=Reason.UNDELIVERED if status is Status.FAILED else None,
        error=None if is_erased(log.recipient) else receipt.error,
        updated_at=now,
        receipt_class=receipt.receipt_class,
        receipt_code=receipt.code,
        receipt_at=receipt.occurred_at,
        settled_by=pending.id,
        as_logged=log.as_logged or AsLogged(log.reason, log.error, log.updated_at),
    )


async def _write(changes: Sequence[LogChange], context: ConsumerContext) -> set[LogId]:
    if not changes:
        return set()
    return await context.retry_until_available("move of logs by receipts", context.ledger.logs.settle, changes)


async def _read_again(
    again: Sequence[PendingReceipt],
    lost: Iterable[LogId],
    matched: Iterable[tuple[PendingReceipt, Log]],
    context: ConsumerContext,
) -> tuple[list[SettledReceipt], list[tuple[PendingReceipt, Log]]]:
    """Return the receipts whose log was deleted, and the others with the log of now."""
    if not again:
        return [], []
    ids = {pending.id: log.id for pending, log in matched}
    logs = await context.retry_until_available("read of moved logs", context.ledger.logs.get_many, sorted(lost))
    gone = [SettledReceipt(each, ReceiptResult.UNMATCHED) for each in again if ids[each.id] not in logs]
    return gone, [(each, logs[ids[each.id]]) for each in again if ids[each.id] in logs]
