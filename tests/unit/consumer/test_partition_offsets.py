"""Offsets are committed up to the first unfinished record, in whatever order the records end."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.offset_tracker import PartitionOffsets


def test_no_offset_after_an_unfinished_record_is_committed() -> None:
    offsets = PartitionOffsets(7)
    for offset in (7, 8, 10):  # offset 9 was compacted away
        offsets.start(offset)
    assert offsets.mark_done(8) is None
    assert offsets.mark_done(7) == 10
    assert offsets.mark_done(10) == 11


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.randoms(use_true_random=False), st.integers(0, 1_000))
def test_commits_only_advance_and_the_last_one_is_the_end_in_any_order(
    steps: list[int], rng: "st.Random", first: int
) -> None:
    read = [first + sum(steps[:number]) for number in range(len(steps))]
    offsets, waiting, committed = PartitionOffsets(first), set[int](), first
    ahead = list(read)
    while ahead or waiting:
        if ahead and (not waiting or rng.random() < 0.5):
            waiting.add(offset := ahead.pop(0))
            offsets.start(offset)
            continue
        offset = rng.choice(sorted(waiting))
        waiting.remove(offset)
        until = offsets.mark_done(offset)
        if until is not None:
            assert committed < until <= min(waiting, default=offsets.next)
            committed = until
    assert committed == read[-1] + 1


def test_a_position_without_a_record_is_skipped_to_only_when_all_earlier_records_are_done() -> None:
    offsets = PartitionOffsets(7)
    offsets.start(7)
    assert not offsets.skip_to(9)
    assert offsets.mark_done(7) == 8
    assert offsets.skip_to(9)
    offsets.start(9)
    assert offsets.mark_done(9) == 10


def test_a_record_that_is_done_takes_no_memory_while_an_earlier_one_waits() -> None:
    offsets = PartitionOffsets(0)
    offsets.start(0)
    tracemalloc.start()
    try:
        for offset in range(1, 20_000):
            offsets.start(offset)
            assert offsets.mark_done(offset) is None
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 50_000
    assert offsets.mark_done(0) == 20_000
