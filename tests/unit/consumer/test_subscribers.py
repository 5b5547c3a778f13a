"""Options of the clients that read for a consumer. A frozen broker shows their effect (torture row 29)."""

import asyncio
import gc
import weakref
from collections import deque
from functools import partial
from types import SimpleNamespace
from typing import Any

from aiokafka import ConsumerRecord

from consumer.kafka.offset_tracker import OffsetTracker, TrackedRecord
from consumer.kafka.read_positions import SubscriptionPosition
from consumer.kafka.record import KafkaRecord
from consumer.settings import ConsumerSettings
from consumer.subscribers import RecordQueues, build_faststream, hand_on, parse_nothing, take_records


def _build(**settings: Any) -> Any:
    given = ConsumerSettings(
        mongo_url="mongodb://localhost:9",
        sealing_keys="k1:" + "QUFB" * 10 + "QUE=",  # type: ignore[arg-type]
        providers=[{"name": "sim", "kind": "simulator", "channel": "sms"}],
        **settings,
    )
    fakes: Any = SimpleNamespace(enqueue=print, submit=print, watch=lambda *_: None)
    _, broker = build_faststream(given, fakes, RecordQueues({}, fakes, fakes), fakes)
    return broker


def test_a_broker_that_is_frozen_is_given_up_and_its_successor_found_within_seconds() -> None:
    options = _build(kafka_bootstrap="a:9092")._connection_kwargs
    assert options["request_timeout_ms"] == 10_000
    assert options["metadata_max_age_ms"] == 10_000


def test_a_consumer_starts_with_any_of_the_bootstrap_servers() -> None:
    assert _build(kafka_bootstrap="a:9092, b:9092")._connection_kwargs["bootstrap_servers"] == ["a:9092", "b:9092"]


async def test_the_bytes_of_a_record_are_free_when_it_is_done_and_need_no_garbage_collection() -> None:
    value = b"x" * 100
    read = ConsumerRecord("t", 0, 7, 5, 0, b"k", value, None, 1, 100, (("a", b"b"), ("c", None)))
    message = await parse_nothing((read,), None)
    message.set_decoder(take_records)
    records = await message.decode()
    assert records is not None

    (record,) = records
    assert (record.key, record.value, record.headers) == (b"k", value, (("a", b"b"), ("c", None)))
    assert value not in (read.value, message.body)
    gc.disable()
    try:
        known = weakref.ref(records)
        del message, records
        assert known() is None
    finally:
        gc.enable()


async def test_the_offset_tracker_knows_all_records_of_a_batch_before_one_waits() -> None:
    stopping, committed, handed_on = asyncio.Event(), list[int](), list[TrackedRecord]()
    tracker = OffsetTracker(stopping, asyncio.sleep)

    async def commit(_consumer: object, _partition: object, until: int) -> bool:
        committed.append(until)
        return True

    committer: Any = SimpleNamespace(commit=commit)
    position = SubscriptionPosition(SimpleNamespace(consumer=None), committer, tracker)
    records = deque(KafkaRecord("t", 0, offset, 0, None, b"{}", ()) for offset in range(3))

    async def take(_record: KafkaRecord, tracked: TrackedRecord) -> None:
        handed_on.append(tracked)
        assert len(records) == 3 - len(handed_on), "a batch keeps no record that was handed on"
        tracked.mark_done()
        may_commit = tracker.commit_position(("t", 0), 3, partial(commit, None, None), repeat=True)
        assert may_commit is not bool(records)

    await hand_on(records, take, position)
    await tracker.drain(5)
    assert len(handed_on) == 3
    assert committed[-1] == 3
