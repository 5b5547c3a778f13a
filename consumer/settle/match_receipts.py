"""Search for the logs of receipts: by our own id of the delivery, or by the message id of the provider."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.settle.pending_receipt import PendingReceipt
from core.ids import LogId
from ledger.models import Log
from ledger.receipt_port import MessageOrigin
from ledger.tenant_port import provider_id_of
from schemas.receipts import Receipt
from schemas.statuses import Channel, Status

LOGS_PER_RECEIPT = 4
"""Number of logs that are read by message id for each receipt of a search, so 2,000 for a batch of 500."""
LEAST_LOGS = 20
"""Number of logs that are read for few receipts. So many with the message id of one receipt tell nothing."""

Found = Mapping[str, Sequence[Log]]
"""Logs of one search by their message id."""


class Match(NamedTuple):
    """Receipt and its log."""

    pending: PendingReceipt
    log: Log | None
    is_foreign: bool = False
    """True if the receipt names a delivery of another provider, or is about a copy. No later try can match it."""


async def match_receipts(receipts: Sequence[PendingReceipt], context: ConsumerContext) -> list[Match]:
    """Return each receipt with its log, which is read from the primary, or without one."""
    named = {LogId(each.receipt.delivery_id) for each in receipts if each.receipt.delivery_id}
    logs: Mapping[LogId, Log] = {}
    if named:
        get_many = context.ledger.logs.get_many
        logs = await context.retry_until_available("read of logs of receipts", get_many, sorted(named))
    others = [each for each in receipts if each.receipt.delivery_id not in logs and each.message_ids]
    by_message_id = await _find_by_message_id(others, context) if others else {}
    return [_match(each, logs, by_message_id.get(each.id, {})) for each in receipts]


async def _find_by_message_id(receipts: Sequence[PendingReceipt], context: ConsumerContext) -> dict[str, Found]:
    """Return what was found for each receipt, by the id of the receipt.

    The logs of other providers or tenants are not read: however many they are, they hide none. A receipt with the hash
    of its recipient reads no other log of its batch.
    """
    groups: dict[tuple[str | None, str, bool], list[PendingReceipt]] = {}
    for each in receipts:
        origin = each.receipt.tenant_id, each.receipt.provider, bool(each.recipient_hashes)
        groups.setdefault(origin, []).append(each)
    found: dict[str, Found] = {}
    for group in groups.values():
        found |= await _search(group, context)
    return found


async def _search(receipts: Sequence[PendingReceipt], context: ConsumerContext) -> dict[str, Found]:
    """Search for receipts of one origin. If not all logs could be read, search for its halves."""
    logs, retry, first = context.ledger.logs, context.retry_until_available, receipts[0]
    limit = max(LEAST_LOGS, LOGS_PER_RECEIPT * len(receipts))
    origin = MessageOrigin(first.receipt.tenant_id, first.receipt.provider)
    if first.recipient_hashes:
        hashes = frozenset[bytes]().union(*(each.recipient_hashes for each in receipts))
        search = logs.find_by_message_ids_and_hashes
        found = await retry("search by message id and recipient", search, _ids(receipts), hashes, limit, origin)
    else:
        found = await retry("search by message id", logs.find_by_message_ids, _ids(receipts), limit, origin)
    if len(found) == limit:
        if len(receipts) == 1:
            return {first.id: {}}
        middle = len(receipts) // 2
        return await _search(receipts[:middle], context) | await _search(receipts[middle:], context)
    by_id: dict[str, list[Log]] = {}
    for log in found:
        by_id.setdefault(log.provider_message_id or "", []).append(log)
    return {each.id: by_id for each in receipts}


def _ids(receipts: Iterable[PendingReceipt]) -> list[str]:
    return list(dict.fromkeys(message_id for each in receipts for message_id in each.message_ids))


def _match(pending: PendingReceipt, logs: Mapping[LogId, Log], by_message_id: Found) -> Match:
    receipt = pending.receipt
    named = logs.get(LogId(receipt.delivery_id)) if receipt.delivery_id else None
    if named:
        is_ours = is_of_provider(receipt, named) and not _is_of_a_copy(pending, named)
        return Match(pending, named) if is_ours else Match(pending, None, is_foreign=True)
    candidates = [
        log
        for message_id in pending.message_ids
        for log in by_message_id.get(message_id, ())
        if is_of_provider(receipt, log)
        # Of a batch, only some logs may be in the ledger yet. So the recipient counts also if there is one log only.
        and (not pending.recipient_hashes or log.recipient_hash in pending.recipient_hashes)
    ]
    return Match(pending, candidates[0] if len(candidates) == 1 else None)


def _is_of_a_copy(pending: PendingReceipt, log: Log) -> bool:
    """Return whether a receipt is about another recipient of an e-mail. A copy (`cc`) has the same delivery id."""
    hashes = pending.recipient_hashes
    return log.channel is Channel.EMAIL and bool(hashes) and log.recipient_hash not in hashes


def is_of_provider(receipt: Receipt, log: Log) -> bool:
    """Return whether the provider of a receipt may tell of this log.

    A provider of a tenant tells of logs of its tenant only, whatever its configuration was at that time. A delivery may
    end `unknown` without a provider that is known to have it. Then each provider that may have had it may tell.
    """
    if receipt.tenant_id is not None and receipt.tenant_id != log.tenant_id:
        return False
    if log.provider is None:
        return log.outcome is Status.UNKNOWN
    own = provider_id_of(log.provider)
    if receipt.tenant_id is None:
        return own is None and log.provider == receipt.provider
    return own == receipt.provider
