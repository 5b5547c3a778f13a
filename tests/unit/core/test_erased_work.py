"""Work of a chunk after the data of some of its deliveries was erased."""

from datetime import UTC, datetime, timedelta

from core.chunk_work import Batch, DecidedDelivery, History, WaitingDelivery, Work
from core.erased_work import decide_erased
from schemas.statuses import Reason, Status

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TRIED = History(timedelta(seconds=5), Reason.UNAVAILABLE, "first")
NOT_SENT_AGAIN = "must not be sent again: erased"


def cancelled(index: int, attempts: int = 0, provider: str | None = None) -> DecidedDelivery:
    return DecidedDelivery(index, Status.CANCELLED, Reason.ERASED, None, provider, attempts)


def unknown(index: int, attempts: int, provider: str | None = None) -> DecidedDelivery:
    return DecidedDelivery(index, Status.UNKNOWN, Reason.NO_ANSWER, NOT_SENT_AGAIN, provider, attempts)


def test_untried_deliveries_are_cancelled_in_order_after_what_was_decided() -> None:
    earlier = DecidedDelivery(9, Status.FAILED, Reason.INVALID_RECIPIENT)
    work = Work(next=Batch(((0, 3),), provider="first"), untried=((3, 6),), decided=(earlier,))

    left = decide_erased(work, {4, 1})

    assert left == Work(
        next=Batch(((0, 1), (2, 3)), provider="first"),
        untried=((3, 4), (5, 6)),
        decided=(earlier, cancelled(1), cancelled(4)),
    )


def test_a_batch_of_which_nothing_is_left_is_gone() -> None:
    assert decide_erased(Work(next=Batch(((2, 3),))), {2}) == Work(decided=(cancelled(2),))


def test_a_delivery_that_was_refused_keeps_its_attempts_and_its_provider() -> None:
    work = Work(retries=(WaitingDelivery(1, 2, NOW, history=TRIED), WaitingDelivery(2, 2, NOW)))

    assert decide_erased(work, {1}) == Work(retries=(WaitingDelivery(2, 2, NOW),), decided=(cancelled(1, 2, "first"),))


def test_a_delivery_that_may_have_been_sent_ends_unknown() -> None:
    retries = (WaitingDelivery(1, 1, NOW, possibly_sent=True), WaitingDelivery(2, 1, NOW, pinned_provider="first"))
    batch = Batch(((3, 6),), 2, possibly_sent=frozenset({3, 5}), histories={3: TRIED, 5: TRIED})

    left = decide_erased(Work(next=batch, retries=retries), {1, 2, 3})

    assert left.decided == (unknown(1, 1), unknown(2, 1), unknown(3, 2, "first"))
    assert left.next == Batch(((4, 6),), 2, possibly_sent=frozenset({5}), histories={5: TRIED})


def test_deliveries_that_are_not_waiting_change_nothing() -> None:
    work = Work(untried=((0, 2),), decided=(cancelled(5),))

    assert decide_erased(work, {5, 7}) == work
