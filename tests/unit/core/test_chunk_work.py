"""Each delivery of a chunk stays in exactly one field of its work, whatever batch is chosen or released."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.chunk_work import (
    NEVER_TRIED,
    Batch,
    DecidedDelivery,
    History,
    WaitingDelivery,
    Window,
    Work,
    waiting_deliveries,
    without_outcome,
)
from core.index_ranges import indices, to_ranges
from core.next_batch import as_batch, prepare_release, take_next_batch
from core.retry import gather_seconds
from schemas.statuses import Reason, Status

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIZES = st.integers(1, 12)
TIMES = st.integers(-5, 5).map(lambda seconds: NOW + timedelta(seconds=seconds))
PROVIDERS = st.sampled_from([None, "a", "b"])


def lines(at: list[int]) -> st.SearchStrategy[tuple[WaitingDelivery, ...]]:
    """Return waiting deliveries with these indices, in any order."""
    each = [
        st.builds(WaitingDelivery, st.just(index), st.integers(1, 3), TIMES, st.booleans(), PROVIDERS) for index in at
    ]
    return st.permutations(each).flatmap(lambda some: st.tuples(*some))


@st.composite
def works(draw: st.DrawFn) -> Work:
    """Draw the work of a claimed chunk of up to 30 deliveries. Each delivery is in one of the fields."""
    places = draw(st.lists(st.sampled_from("tldc"), max_size=30))
    at = {place: [index for index, found in enumerate(places) if found == place] for place in "tldc"}
    return Work(
        untried=to_ranges(at["t"]),
        retries=draw(lines(at["l"])),
        decided=tuple(DecidedDelivery(index, Status.FAILED, Reason.REJECTED) for index in at["d"]),
        counts=Counter({(Status.SENT, None): len(at["c"])}) if at["c"] else Counter(),
        unacknowledged=to_ranges(at["c"]),
    )


def places(work: Work, *batches: Batch | None) -> list[int]:
    """Return each index as often as it is in a field of the work."""
    batched = [index for batch in (*batches, work.next) if batch for index in indices(batch.ranges)]
    waiting = [*indices(work.untried), *(line.index for line in work.retries)]
    return sorted([*batched, *waiting, *(decided.index for decided in work.decided), *indices(work.unacknowledged)])


@settings(deadline=None)
@given(works(), SIZES)
def test_choosing_a_batch_keeps_each_delivery_in_one_field(work: Work, size: int) -> None:
    batch, rest = take_next_batch(work, NOW, size)

    assert places(rest, batch) == places(work)
    assert rest.next is None
    assert (rest.decided, rest.counts, rest.unacknowledged) == (work.decided, work.counts, work.unacknowledged)


@settings(deadline=None)
@given(works(), SIZES)
def test_a_release_keeps_each_delivery_in_one_field(work: Work, size: int) -> None:
    left, _ = prepare_release(work, size)

    assert places(left) == places(work)
    assert (left.decided, left.counts, left.unacknowledged) == (work.decided, work.counts, work.unacknowledged)
    assert left.waiting == work.waiting


@settings(deadline=None)
@given(works(), SIZES)
def test_a_second_release_loses_no_delivery(work: Work, size: int) -> None:
    left, _ = prepare_release(work, size)

    again, due = prepare_release(left, size)

    assert again == left
    assert due is None or left.next is None


@settings(deadline=None)
@given(works(), SIZES)
def test_a_released_batch_is_chosen_first(work: Work, size: int) -> None:
    left, due = prepare_release(work, size)

    batch, rest = take_next_batch(left, due or NOW, size)

    assert batch == left.next
    assert rest == replace(left, next=None)


@settings(deadline=None)
@given(works(), SIZES)
def test_a_batch_is_full_unless_no_similar_delivery_is_left(work: Work, size: int) -> None:
    batch, rest = take_next_batch(work, NOW, size)

    ready = [line for line in work.retries if line.not_before <= NOW]
    assert (batch is None) is (not ready and not work.untried)
    if batch and len(batch) < size:
        alike = [
            line
            for line in rest.retries
            if (line.attempts, line.pinned_provider) == (batch.attempts, batch.pinned_provider)
        ]
        assert not rest.untried or ready
        assert not ready or all(line.not_before > NOW for line in alike)
    assert batch is None or 0 < len(batch) <= size


@settings(deadline=None)
@given(works(), SIZES)
def test_retries_that_are_due_come_before_fresh_deliveries(work: Work, size: int) -> None:
    batch, _ = take_next_batch(work, NOW, size)

    ready = {line.index for line in work.retries if line.not_before <= NOW}
    if batch and ready:
        assert set(indices(batch.ranges)) <= ready
    elif batch:
        assert batch.attempts == 0


@settings(deadline=None)
@given(works(), SIZES)
def test_no_delivery_is_tried_before_its_time(work: Work, size: int) -> None:
    batch, _ = take_next_batch(work, NOW, size)

    early = {line.index for line in work.retries if line.not_before > NOW}
    assert early.isdisjoint(indices(batch.ranges) if batch else ())


@settings(deadline=None)
@given(works(), SIZES)
def test_the_retry_that_waits_longest_is_in_the_batch(work: Work, size: int) -> None:
    batch, _ = take_next_batch(work, NOW, size)

    ready = [line for line in work.retries if line.not_before <= NOW]
    if ready:
        assert batch is not None
        picked = set(indices(batch.ranges))
        longest = min(ready, key=lambda line: (line.not_before, line.index))
        assert longest.index in picked


@settings(deadline=None)
@given(works(), SIZES)
def test_a_batch_shares_attempts_and_provider_and_keeps_its_doubts(work: Work, size: int) -> None:
    batch, _ = take_next_batch(work, NOW, size)

    if batch:
        picked = set(indices(batch.ranges))
        were = [line for line in work.retries if line.index in picked]
        assert all((line.attempts, line.pinned_provider) == (batch.attempts, batch.pinned_provider) for line in were)
        assert batch.possibly_sent == {line.index for line in were if line.possibly_sent}


@settings(deadline=None)
@given(works(), SIZES)
def test_a_chunk_is_due_when_its_earliest_delivery_is_or_soon_after(work: Work, size: int) -> None:
    left, due = prepare_release(work, size)

    assert (due is None) is bool(work.untried or not work.retries)
    if due and left.next:
        first = min(work.retries, key=lambda line: (line.not_before, line.index))
        assert first.not_before <= due <= first.not_before + timedelta(seconds=gather_seconds(first.attempts))
        assert first.index in indices(left.next.ranges)
        assert due in {line.not_before for line in work.retries}


def test_deliveries_with_times_of_their_own_are_gathered_into_few_claims() -> None:
    rng, size = random.Random(1), 50
    work = Work(
        retries=tuple(WaitingDelivery(index, 9, NOW + timedelta(seconds=512 * rng.random())) for index in range(500))
    )
    claims, windows = 0, list[int]()
    while work.retries:
        work, due = prepare_release(work, size)
        claims += 1
        assert due is not None
        batch, work = take_next_batch(work, due, size)
        while batch:
            windows.append(len(batch))
            batch, work = take_next_batch(work, due, size)

    assert claims <= 12
    assert sum(windows) == 500
    assert sorted(windows)[len(windows) // 2] > 30


def test_a_delivery_is_not_kept_waiting_for_others_until_its_request_expires() -> None:
    soon = NOW + timedelta(seconds=60)
    work = Work(retries=(WaitingDelivery(0, 9, NOW), WaitingDelivery(1, 9, soon)))

    assert prepare_release(work, 10)[1] == soon
    assert prepare_release(work, 10, expires_at=NOW + timedelta(seconds=61))[1] == NOW


@settings(deadline=None)
@given(works(), SIZES)
def test_repeated_choosing_reaches_every_delivery(work: Work, size: int) -> None:
    far, reached = NOW + timedelta(days=1), list[int]()
    for _ in range(work.waiting):
        batch, work = take_next_batch(work, far, size)
        reached += indices(batch.ranges) if batch else ()

    assert work.waiting == 0
    assert len(reached) == len(set(reached))


@settings(deadline=None)
@given(works())
def test_waiting_deliveries_are_in_order_and_untried_ones_come_first(work: Work) -> None:
    rest = waiting_deliveries(work)

    assert [line.index for line in rest] == sorted([*indices(work.untried), *(line.index for line in work.retries)])
    assert all((line.attempts, line.not_before) == (0, NEVER_TRIED) for line in rest if line not in work.retries)


def test_the_lines_of_a_batch_are_ordered() -> None:
    batch = as_batch(
        [WaitingDelivery(7, 2, NOW, possibly_sent=True), WaitingDelivery(3, 2, NOW), WaitingDelivery(4, 2, NOW)]
    )

    assert batch == Batch(((3, 5), (7, 8)), 2, frozenset({7}), None)
    assert len(batch) == 3


def test_a_batch_keeps_the_history_of_each_delivery() -> None:
    history = History(timedelta(seconds=9), Reason.RATE_LIMITED, "a")

    assert as_batch([WaitingDelivery(3, 1, NOW, history=history), WaitingDelivery(4, 1, NOW)]).histories == {3: history}


def test_an_empty_chunk_has_no_batch() -> None:
    assert take_next_batch(Work(), NOW, 5) == (None, Work())
    assert prepare_release(Work(), 5) == (Work(), None)


@settings(deadline=None)
@given(works(), SIZES)
def test_who_has_no_outcome_is_waiting_or_in_the_window(work: Work, size: int) -> None:
    ended = {*indices(work.unacknowledged), *(decided.index for decided in work.decided)}
    left, _ = prepare_release(work, size)
    batch, rest = take_next_batch(work, NOW, size)
    window = Window(batch, "a") if batch else None

    for found in (without_outcome(work, None), without_outcome(left, None), without_outcome(rest, window)):
        assert found == {*places(work)} - ended
