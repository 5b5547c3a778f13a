"""Offsets are committed up to the first record that still waits, in whatever order the others end."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.offset_tracker import PartitionOffsets


def test_nothing_is_committed_past_a_record_that_waits() -> None:
    offsets = PartitionOffsets(7)
    for offset in (7, 8, 10):  # what is not there was compacted away
        offsets.start(offset)
    assert offsets.mark_done(8) is None
    assert offsets.mark_done(7) == 10
    assert offsets.mark_done(10) == 11


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.randoms(use_true_random=False), st.integers(0, 1_000))
def test_whatever_the_order_each_commit_is_a_step_on_and_the_last_one_is_the_end(
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
