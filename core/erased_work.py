"""Work of a chunk after the data of some of its deliveries was erased. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from core.chunk_work import Batch, DecidedDelivery, History, Work
from core.delivery_outcome import NOT_SENT_AGAIN
from core.index_ranges import Ranges, indices, to_ranges
from schemas.statuses import Reason, Status


def decide_erased(work: Work, erased: Collection[int]) -> Work:
    """Return the work of a chunk without an owner, with the waiting deliveries among these decided.

    They end cancelled. A delivery that may have been sent ends unknown (I4).
    """
    left = replace(
        work,
        next=_without(work.next, erased),
        untried=_ranges_without(work.untried, erased),
        retries=tuple(retry for retry in work.retries if retry.index not in erased),
    )
    return replace(left, decided=(*work.decided, *sorted(_decisions(work, erased), key=lambda each: each.index)))


def _decisions(work: Work, erased: Collection[int]) -> Iterator[DecidedDelivery]:
    for index in indices(work.untried):
        if index in erased:
            yield _decided(index, 0, None, doubted=False)
    for retry in work.retries:
        if retry.index in erased:
            doubted = retry.possibly_sent or retry.pinned_provider is not None
            yield _decided(retry.index, retry.attempts, retry.history, doubted=doubted)
    if batch := work.next:
        for index in indices(batch.ranges):
            if index in erased:
                doubted = index in batch.possibly_sent or batch.pinned_provider is not None
                yield _decided(index, batch.attempts, batch.histories.get(index), doubted=doubted)


def _decided(index: int, attempts: int, history: History | None, *, doubted: bool) -> DecidedDelivery:
    provider = history.provider if history else None
    if doubted:
        error = f"{NOT_SENT_AGAIN}: {Reason.ERASED}"
        return DecidedDelivery(index, Status.UNKNOWN, Reason.NO_ANSWER, error, provider, attempts)
    return DecidedDelivery(index, Status.CANCELLED, Reason.ERASED, None, provider, attempts)


def _without(batch: Batch | None, erased: Collection[int]) -> Batch | None:
    if batch is None:
        return None
    ranges = _ranges_without(batch.ranges, erased)
    histories: Mapping[int, History] = {at: each for at, each in batch.histories.items() if at not in erased}
    possibly_sent = batch.possibly_sent - frozenset(erased)
    return replace(batch, ranges=ranges, histories=histories, possibly_sent=possibly_sent) if ranges else None


def _ranges_without(ranges: Ranges, erased: Collection[int]) -> Ranges:
    return to_ranges(index for index in indices(ranges) if index not in erased)
