"""Suppressions that follow from receipts: of addresses that bounce, and of recipients that complain or opt out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.settle.pending_receipt import PendingReceipt
from consumer.settle.settler import SettledReceipt
from core.ids import ChunkId, LogId, RequestKey, chunk_id, key_of_log, position
from core.suppressions import SuppressionEntry
from ledger.chunk_recipients import open_recipients
from ledger.errors import SealingError
from ledger.models import Log, StoredRequest
from ledger.queries import LogQuery
from ledger.recipient_hashes import recipient_hashes
from ledger.suppressing import SuppressedAddress, add_suppressions, known_suppression_key
from schemas.receipts import ReceiptClass
from schemas.statuses import Category, Channel, Status, SuppressionReason
from schemas.suppressions import CATEGORY_SCOPE, EVERYTHING

SOFT_BOUNCE_PAUSE = timedelta(days=30)
"""Time for which soft bounces suppress an address. A full mailbox may be emptied."""
SOURCE = "receipt"
"""Source of these entries."""
MAX_FAILURES_READ = 100
"""Maximum number of failed deliveries to one address that are read to count its soft bounces."""

_REASONS = {
    ReceiptClass.HARD_BOUNCE: SuppressionReason.BOUNCED,
    ReceiptClass.SOFT_BOUNCE: SuppressionReason.BOUNCED,
    ReceiptClass.COMPLAINT: SuppressionReason.COMPLAINED,
    ReceiptClass.OPT_OUT: SuppressionReason.OPTED_OUT,
}


class _Cause(NamedTuple):
    """Receipt that may suppress its recipient."""

    pending: PendingReceipt
    log: Log
    kind: ReceiptClass


async def suppress_recipients(settled: Iterable[SettledReceipt], context: ConsumerContext) -> list[PendingReceipt]:
    """Suppress the recipients of these receipts that must not be written to again. A repeat changes nothing.

    An address that retention or an order has erased is not suppressed. Return the receipts that need a sealing key that
    is missing here. Their logs have moved, so their events must not wait for it.
    """
    causes = [
        _Cause(each.pending, each.log, kind)
        for each in settled
        if each.log and (kind := each.pending.receipt.receipt_class)
    ]
    if not causes:
        return []
    retry, keys = context.retry_until_available, list({key_of_log(LogId(each.log.id)) for each in causes})
    requests = await retry("read of requests of receipts", context.ledger.requests.get_many, keys)
    places: dict[ChunkId, list[tuple[int, _Cause]]] = defaultdict(list)
    for each in causes:
        if found := _chunk_of(each.log, requests):
            chunk, place = found
            places[chunk].append((place, each))
    sealed = await retry("read of chunks of receipts", context.ledger.chunks.get_sealed, list(places))
    left: list[PendingReceipt] = []
    new: dict[str, list[tuple[_Cause, SuppressedAddress]]] = defaultdict(list)
    for chunk in sealed:
        await context.turn_budget.wait()
        with _noting_missing_keys([cause for _, cause in places[chunk]], left, context):
            recipients = open_recipients(context.sealer, chunk, sealed[chunk])
            for place, cause in places[chunk]:
                category = requests[key_of_log(LogId(cause.log.id))].header.category
                address = recipients[place].to if place < len(recipients) else ""
                if address and (entry := await _entry(cause.log, cause.kind, category, address, context)):
                    new[cause.log.tenant_id].append((cause, SuppressedAddress(cause.log.channel, address, entry)))
    for tenant_id, added in new.items():
        with _noting_missing_keys([cause for cause, _ in added], left, context):
            await retry("write of suppressions", _add, tenant_id, [address for _, address in added], context)
    return left


@contextmanager
def _noting_missing_keys(
    causes: Iterable[_Cause], left: list[PendingReceipt], context: ConsumerContext
) -> Iterator[None]:
    """Add the receipts to those that are left if a key is missing."""
    try:
        yield
    except SealingError as error:
        context.readiness.warn("sealing_keys", str(error))
        left += [each.pending for each in causes]


def _chunk_of(log: Log, requests: dict[RequestKey, StoredRequest]) -> tuple[ChunkId, int] | None:
    """Return the chunk of a log and the place in it, or None if the request was deleted."""
    parsed = position(log.id)
    if parsed is None or parsed[0] not in requests or parsed[1] not in requests[parsed[0]].parts:
        return None
    key, part, index = parsed
    place = index % requests[key].parts[part].chunk_size
    return chunk_id(key, part, index - place), place


async def _entry(
    log: Log, kind: ReceiptClass, category: Category, address: str, context: ConsumerContext
) -> SuppressionEntry | None:
    """Return the entry that follows from a receipt. Return None for a soft bounce that is not the last of several."""
    now, until = context.ledger.now(), None
    if kind is ReceiptClass.SOFT_BOUNCE:
        if await _soft_bounces(log, address, context) < context.tuning.soft_bounces:
            return None
        until = now + SOFT_BOUNCE_PAUSE
    return SuppressionEntry(_REASONS[kind], _scope(log, kind, category), SOURCE, now, until)


async def _add(tenant_id: str, addresses: Sequence[SuppressedAddress], context: ConsumerContext) -> None:
    key = await known_suppression_key(context.ledger, tenant_id, context.sealer, _at_once)
    await add_suppressions(context.ledger, key, addresses)


def _scope(log: Log, kind: ReceiptClass, category: Category) -> str:
    """Return the scope. Who complains about a newsletter, or leaves it, still gets the notices that he caused.

    A bounce is about the address. An SMS cannot be blocked for one category only, because the number is blocked.
    """
    is_wish = kind in {ReceiptClass.COMPLAINT, ReceiptClass.OPT_OUT}
    if is_wish and log.channel is Channel.EMAIL and category is Category.MARKETING:
        return f"{CATEGORY_SCOPE}{category}"
    return EVERYTHING


async def _soft_bounces(log: Log, address: str, context: ConsumerContext) -> int:
    """Return the number of soft bounces of an address in the period, with that of this log."""
    query = LogQuery(
        log.tenant_id,
        channel=log.channel,
        statuses=frozenset({Status.FAILED}),
        recipient_hashes=recipient_hashes(address, log.channel, context.sealer, None),
        accepted_from=context.ledger.now() - context.tuning.soft_bounce_period,
        page_size=MAX_FAILURES_READ,
        count_limit=0,
    )
    page = await context.retry_until_available("read of soft bounces", context.ledger.logs.find, query)
    return sum(each.receipt_class is ReceiptClass.SOFT_BOUNCE for each in page.items)


async def _at_once(seconds: float) -> None:
    """Wait for nothing. No caller was told yet from when on the suppression counts."""
    del seconds
