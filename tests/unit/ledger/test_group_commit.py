"""Who shares a batch, how large it may be, and who gets which error."""

import asyncio
from collections.abc import Sequence

import pytest

from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.mongo.group_commit import MAX_BYTES, MAX_NUMBER, GroupCommit, MixedResults
from tests.support.polling import wait_until


class Writer:
    """Notes its batches. Each write waits until the test lets it end."""

    def __init__(self, *, is_open: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.under_way = self.most_under_way = 0
        self.gate = asyncio.Event()
        self.refused: set[str] = set()
        self.mixed: set[str] = set()
        self.unavailable: set[str] = set()
        if is_open:
            self.gate.set()

    async def __call__(self, batch: Sequence[str]) -> list[str]:
        self.batches.append(list(batch))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.refused & set(batch):
            raise LedgerRefused("too large")
        if len(batch) > 1 and self.mixed & set(batch):
            raise MixedResults
        if self.unavailable & set(batch):
            raise LedgerUnavailable("no answer")
        return [f"{item} done" for item in batch]


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def group(writer: Writer) -> GroupCommit[str, str]:
    return GroupCommit(writer)


async def add_all(group: GroupCommit[str, str], items: Sequence[str]) -> list[asyncio.Task[str]]:
    """Let callers add these items in one turn of the event loop, and wait until their batch is written."""
    tasks = [asyncio.create_task(group.add(item)) for item in items]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_a_lone_write_starts_at_once(group: GroupCommit[str, str], writer: Writer) -> None:
    (task,) = await add_all(group, ["a"])
    assert writer.batches == [["a"]]

    writer.gate.set()
    assert await task == "a done"


async def test_callers_of_one_turn_share_a_batch_and_each_gets_its_result(
    group: GroupCommit[str, str], writer: Writer
) -> None:
    writer.gate.set()

    assert await asyncio.gather(*map(group.add, "abc")) == ["a done", "b done", "c done"]
    assert writer.batches == [["a", "b", "c"]]


async def test_what_arrives_while_a_batch_is_written_is_the_next_one(
    group: GroupCommit[str, str], writer: Writer
) -> None:
    tasks = [task for item in "abcde" for task in await add_all(group, [item])]
    assert writer.batches == [["a"]]

    writer.gate.set()
    await asyncio.gather(*tasks)
    assert writer.batches == [["a"], ["b", "c", "d", "e"]]
    assert writer.most_under_way == 1


async def test_a_batch_is_bounded_by_number(group: GroupCommit[str, str], writer: Writer) -> None:
    items = [str(number) for number in range(5 * MAX_NUMBER + 1)]
    tasks = await add_all(group, items)
    writer.gate.set()

    assert await asyncio.gather(*tasks) == [f"{item} done" for item in items]
    assert [len(batch) for batch in writer.batches] == [MAX_NUMBER] * 5 + [1]
    assert writer.most_under_way == 1


async def test_a_batch_is_bounded_by_the_documents_of_its_items(group: GroupCommit[str, str], writer: Writer) -> None:
    writer.gate.set()

    await asyncio.gather(*(group.add(item, number=MAX_NUMBER // 2) for item in "abc"))
    assert writer.batches == [["a", "b"], ["c"]]


async def test_a_batch_is_bounded_by_bytes(group: GroupCommit[str, str], writer: Writer) -> None:
    writer.gate.set()

    await asyncio.gather(*(group.add(item, size=MAX_BYTES // 2) for item in "abc"))
    assert writer.batches == [["a", "b"], ["c"]]


async def test_a_larger_item_is_written_alone_and_waits_for_no_batch(
    group: GroupCommit[str, str], writer: Writer
) -> None:
    tasks = [task for item in "abc" for task in await add_all(group, [item])]
    large = asyncio.create_task(group.add("large", size=MAX_BYTES + 1))
    await wait_until(lambda: ["large"] in writer.batches)
    assert writer.batches == [["a"], ["large"]]

    writer.gate.set()
    assert await large == "large done"
    await asyncio.gather(*tasks)


async def test_an_item_that_is_refused_fails_alone(group: GroupCommit[str, str], writer: Writer) -> None:
    writer.gate.set()
    writer.refused = {"7", "40"}

    answers = await asyncio.gather(*(group.add(str(number)) for number in range(50)), return_exceptions=True)
    refused = {number for number, answer in enumerate(answers) if isinstance(answer, LedgerRefused)}
    assert refused == {7, 40}
    assert all(answer == f"{number} done" for number, answer in enumerate(answers) if number not in refused)
    assert len(writer.batches) < 30  # halves, not single items


async def test_a_batch_with_mixed_results_is_written_again_in_halves(
    group: GroupCommit[str, str], writer: Writer
) -> None:
    writer.gate.set()
    writer.mixed = {"c"}

    assert await asyncio.gather(*map(group.add, "abcd")) == ["a done", "b done", "c done", "d done"]
    assert writer.batches[0] == ["a", "b", "c", "d"]
    assert sorted(writer.batches[1:]) == [["a", "b"], ["c"], ["c", "d"], ["d"]]


async def test_an_error_of_the_whole_command_goes_to_each_caller(group: GroupCommit[str, str], writer: Writer) -> None:
    writer.gate.set()
    writer.unavailable = {"b"}

    answers = await asyncio.gather(*map(group.add, "abc"), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["no answer"] * 3
    assert len({id(answer) for answer in answers}) == 3  # each with its own traceback
    assert writer.batches == [["a", "b", "c"]]

    writer.unavailable = set()
    assert await group.add("b") == "b done"


async def test_an_unexpected_error_reaches_the_callers_and_ends_nothing() -> None:
    group = GroupCommit[str, str](lambda _: asyncio.sleep(0, ["too", "many"]))

    for _ in range(3):
        with pytest.raises(ValueError, match="longer"):
            await group.add("a")


async def test_a_cancelled_caller_breaks_neither_its_batch_nor_the_next(
    group: GroupCommit[str, str], writer: Writer
) -> None:
    written = await add_all(group, "ab")
    waiting = await add_all(group, "cd")
    written[0].cancel()
    waiting[0].cancel()
    await asyncio.sleep(0)
    writer.gate.set()

    answers = await asyncio.gather(*written, *waiting, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [True, False, True, False]
    assert writer.batches == [["a", "b"], ["d"]]


async def test_a_batch_whose_callers_are_all_cancelled_is_not_written(
    group: GroupCommit[str, str], writer: Writer
) -> None:
    tasks = [*await add_all(group, "a"), *await add_all(group, "cd")]
    for task in tasks[1:]:
        task.cancel()
    await asyncio.sleep(0)
    writer.gate.set()

    await asyncio.gather(*tasks, return_exceptions=True)
    assert await group.add("e") == "e done"
    assert writer.batches == [["a"], ["e"]]
