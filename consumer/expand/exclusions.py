"""A delivery is sent again by one other at most: whoever would repeat it notes that on its log first."""

from collections.abc import Collection

from consumer.context import ConsumerContext
from consumer.expand.check_recipients import _NO_ADDRESS, CheckedRecipients
from core.ids import LogId, log_id
from ledger.models import Part, RequestHeader
from schemas.statuses import Reason, Status


async def exclude_settled_resends(
    checked: CheckedRecipients, header: RequestHeader, part: Part, context: ConsumerContext
) -> None:
    """Decide as settled what is not to be sent again: its log says so by now, or another delivery repeats it.

    Done before the chunk is written, so that no chunk ever holds a resend to do that another may be doing too. What
    was noted stays: a second expansion gets the same answer.
    """
    mine: dict[LogId, LogId] = {}
    for index, old in enumerate(checked.resend_of or (), checked.first):
        if old is not None and index not in checked.decided:
            mine.setdefault(old, log_id(header.key, part.number, index))
    if not mine:
        return
    noted = await context.retry_until_available(
        "mark what is resent", context.ledger.logs.reserve_resends, header.tenant_id, mine
    )
    for index, old in enumerate(checked.resend_of or (), checked.first):
        first = old is not None and mine.get(old) == log_id(header.key, part.number, index)
        if old is not None and index not in checked.decided and not (first and old in noted):
            checked.decided[index] = Status.SUPPRESSED, Reason.SETTLED


def exclude_duplicates(checked: CheckedRecipients, known: Collection[bytes]) -> None:
    """Decide as duplicates what stands in a lower part."""
    for index, value in enumerate(checked.hashes, checked.first):
        if value in known and checked.decided.get(index, (None, None))[1] not in _NO_ADDRESS:
            checked.decided[index] = Status.SUPPRESSED, Reason.DUPLICATE


def exclude_expired(checked: CheckedRecipients) -> None:
    """Decide all of a part that comes too late."""
    for index in range(checked.first, checked.first + len(checked.hashes)):
        checked.decided[index] = Status.EXPIRED, Reason.EXPIRED
