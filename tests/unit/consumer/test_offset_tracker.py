"""A position that was reached without a record is committed behind the records before it, and once per assignment."""

import asyncio

from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.record import KafkaRecord

AT = ("communication.bulk.requests", 0)


class Commits:
    """The commits of one partition, which all succeed."""

    def __init__(self) -> None:
        self.tracker = OffsetTracker(asyncio.Event(), asyncio.sleep)
        self.until: list[int] = []

    async def commit(self, until: int) -> bool:
        self.until.append(until)
        return True

    async def position(self, position: int, *, repeat: bool = False) -> bool:
        is_committed = self.tracker.commit_position(AT, position, self.commit, repeat=repeat)
        await self.tracker.drain(1)
        return is_committed


async def test_a_position_waits_for_the_records_before_it() -> None:
    commits = Commits()
    record = commits.tracker.start(KafkaRecord(*AT, 7, 0, None, None, ()), commits.commit)
    assert not await commits.position(9)
    assert commits.until == []
    record.mark_done()
    assert await commits.position(9)
    assert commits.until[-1] == 9


async def test_a_position_is_committed_once_and_again_in_a_new_assignment() -> None:
    commits = Commits()
    for repeat in (True, False, False):
        assert await commits.position(9, repeat=repeat)
    assert commits.until == [9]
    assert await commits.position(9, repeat=True)
    assert commits.until == [9, 9]


async def test_a_position_is_committed_again_if_a_commit_of_the_assignment_before_is_still_on_its_way() -> None:
    """Otherwise the partition keeps a lag: Kafka drops what an earlier assignment commits."""
    commits, is_dropped = Commits(), asyncio.Event()

    async def dropped(until: int) -> bool:
        await is_dropped.wait()
        return until > 0

    assert commits.tracker.commit_position(AT, 9, dropped, repeat=True)
    await asyncio.sleep(0)
    assert commits.tracker.commit_position(AT, 9, commits.commit, repeat=True)
    is_dropped.set()
    await commits.tracker.drain(1)
    assert commits.until == [9]


async def test_the_next_record_counts_from_the_position() -> None:
    commits = Commits()
    await commits.position(9)
    commits.tracker.start(KafkaRecord(*AT, 9, 0, None, None, ()), commits.commit).mark_done()
    await commits.tracker.drain(1)
    assert commits.until == [9, 10]


async def test_a_position_that_kafka_set_back_is_committed_too() -> None:
    commits = Commits()
    await commits.position(9)
    await commits.position(4)
    assert commits.until == [9, 4]
