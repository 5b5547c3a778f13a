"""Conversion of the work of a chunk, its windows and its counts to documents and back."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bson.int64 import Int64

from core.chunk_work import Batch, Counts, DecidedDelivery, History, WaitingDelivery, Window, Work
from core.index_ranges import Ranges, indices
from core.money import NO_COST, Cost
from ledger.mongo.connection import Document
from schemas.statuses import Reason, Status

OPTIONAL_WORK_FIELDS = ("tried", "refused", "without_key", "accepted_pending", "cost", "doubts")
"""Fields of the work that a chunk has only if they have a value."""

_MILLISECOND = timedelta(milliseconds=1)


def work_document(work: Work, window: Window | None = None) -> Document:
    """Return the fields that the owner of a chunk rewrites. An optional field is absent if it has no value."""
    document: Document = {
        "next": batch_document(work.next) if work.next else None,
        "todo": ranges_document(work.untried),
        "later": [
            [retry.index, retry.attempts, retry.not_before, retry.possibly_sent, retry.pinned_provider]
            for retry in work.retries
        ],
        "decided": [[d.index, d.status.value, d.reason.value, d.error, d.provider, d.attempts] for d in work.decided],
        "counts": counts_document(work.counts),
        "unacked": ranges_document(work.unacknowledged),
    }
    if histories := _histories_of(work, window):
        document["tried"] = _histories_document(histories)
    if refused := [[retry.index, *retry.refused_by] for retry in work.retries if retry.refused_by]:
        document["refused"] = refused
    if work.without_key:
        document["without_key"] = work.without_key // _MILLISECOND
    if work.accepted_pending:
        document["accepted_pending"] = True
    if work.cost:
        document["cost"] = cost_document(work.cost)
    if work.doubts:
        document["doubts"] = [[index, amount] for index, amount in sorted(work.doubts.items())]
    return document


def _histories_of(work: Work, window: Window | None) -> dict[int, History]:
    """Return the earlier tries of all deliveries that wait or are in the window."""
    found = {retry.index: retry.history for retry in work.retries if retry.history}
    for batch in (work.next, window and window.batch):
        found |= batch.histories if batch else {}
    return found


def _histories_document(histories: Mapping[int, History]) -> list[list[Any]]:
    """Return lists of reason, provider, indices and waits in ms. Most deliveries of a chunk share the first two."""
    groups: dict[tuple[str, str | None], tuple[list[int], list[int]]] = {}
    for index, history in sorted(histories.items()):
        columns = groups.setdefault((history.reason.value, history.provider), ([], []))
        columns[0].append(index)
        columns[1].append(history.waited // _MILLISECOND)
    return [[*key, *columns] for key, columns in groups.items()]


def read_histories(document: Document) -> dict[int, History]:
    """Return the earlier tries of the deliveries of a chunk document. Older documents have none."""
    return {
        index: History(wait * _MILLISECOND, Reason(reason), provider)
        for reason, provider, tried, waits in document.get("tried", ())
        for index, wait in zip(tried, waits, strict=True)
    }


def counts_document(counts: Counts) -> dict[str, int]:
    """Return the counts under names such as `sent` and `failed:rejected`."""
    return {f"{status.value}:{reason.value}" if reason else status.value: n for (status, reason), n in counts.items()}


def cost_document(cost: Cost) -> dict[str, Int64]:
    """Return the millionths by currency. They are always of 64 bits."""
    return {currency: Int64(amount) for currency, amount in cost.items()}


def read_cost(document: Document, name: str = "cost") -> Cost:
    """Return the cost in a document. Older documents have none."""
    return {currency: int(amount) for currency, amount in document.get(name, NO_COST).items()}


def ranges_document(ranges: Ranges) -> list[list[int]]:
    """Return the ranges as pairs."""
    return [list(pair) for pair in ranges]


def batch_document(batch: Batch) -> Document:
    """Return the stored form of a batch. An optional field is absent if it has no value."""
    document: Document = {
        "ranges": ranges_document(batch.ranges),
        "attempts": batch.attempts,
        "tainted": sorted(batch.possibly_sent),
        "sticky": batch.pinned_provider,
    }
    if batch.refused_by:
        document["refused"] = list(batch.refused_by)
    if batch.provider:
        document["provider"] = batch.provider
    return document


def window_document(window: Window | None) -> Document | None:
    """Return the stored form of an open window: its batch, its provider, and whether it has a reservation."""
    if window is None:
        return None
    reserved = {"reserved": True} if window.reserved else {}
    return {**batch_document(window.batch), "provider": window.provider, **reserved}


def read_ranges(pairs: list[list[int]]) -> Ranges:
    """Return the ranges of stored pairs."""
    return tuple((first, end) for first, end in pairs)


def read_counts(document: dict[str, int]) -> Counts:
    """Return the counts by status and reason."""
    counts: Counts = Counter()
    for name, number in document.items():
        status, _, reason = name.partition(":")
        counts[Status(status), Reason(reason) if reason else None] = number
    return counts


def _read_batch(stored: Document | None, histories: Mapping[int, History]) -> Batch | None:
    if stored is None:
        return None
    ranges = read_ranges(stored["ranges"])
    return Batch(
        ranges,
        stored["attempts"],
        frozenset(stored["tainted"]),
        stored["sticky"],
        {index: histories[index] for index in indices(ranges) if index in histories} if histories else {},
        tuple(stored.get("refused", ())),
        stored.get("provider"),
    )


def read_window(document: Document) -> Window | None:
    """Return the open window of a chunk document, if it has one."""
    stored = document["window"]
    batch = _read_batch(stored, read_histories(document))
    return Window.of(batch, reserved=stored.get("reserved", False)) if batch else None


def read_work(document: Document) -> Work:
    """Return the remaining work of a chunk document."""
    histories = read_histories(document)
    refused = {index: tuple(names) for index, *names in document.get("refused", ())}
    return Work(
        next=_read_batch(document["next"], histories),
        untried=read_ranges(document["todo"]),
        retries=tuple(_read_waiting(entry, histories, refused) for entry in document["later"]),
        decided=tuple(_read_decided(entry) for entry in document["decided"]),
        counts=read_counts(document["counts"]),
        unacknowledged=read_ranges(document["unacked"]),
        without_key=document.get("without_key", 0) * _MILLISECOND,
        accepted_pending=document.get("accepted_pending", False),
        cost=read_cost(document),
        doubts=dict(document.get("doubts", ())),
    )


def _read_waiting(
    stored: list[Any], histories: Mapping[int, History], refused: Mapping[int, tuple[str, ...]]
) -> WaitingDelivery:
    index, attempts, not_before, tainted, sticky = stored
    return WaitingDelivery(
        index=index,
        attempts=attempts,
        not_before=not_before,
        possibly_sent=tainted,
        pinned_provider=sticky,
        history=histories.get(index),
        refused_by=refused.get(index, ()),
    )


def _read_decided(stored: list[Any]) -> DecidedDelivery:
    index, status, reason, error, provider, attempts = stored
    return DecidedDelivery(
        index=index, status=Status(status), reason=Reason(reason), error=error, provider=provider, attempts=attempts
    )
