"""Records that a real Kafka has sent are read together, up to a number and a size."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import NewTopic
from aiokafka.errors import CorruptRecordException

from consumer.fetch.batch_consumer import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, BatchConsumer
from devstack import Stack
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until


@asynccontextmanager
async def reading(stack: Stack, values: Sequence[bytes]) -> AsyncIterator[BatchConsumer]:
    """Yield a consumer that has fetched all values, which one partition has."""
    topic = f"batches-{uuid.uuid4().hex[:8]}"
    await create_topics(stack.kafka_bootstrap, NewTopic(topic, 1, 1))
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)
    consumer = BatchConsumer(topic, bootstrap_servers=stack.kafka_bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        await wait_until(lambda: consumer._fetcher._records, 30)
        yield consumer
    finally:
        await consumer.stop()


async def read_batch(consumer: BatchConsumer) -> list[ConsumerRecord]:
    (records,) = (await asyncio.wait_for(consumer.getmany(), 30)).values()
    return records


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        ([b"x"] * (MAX_BATCH_RECORDS + 2), [MAX_BATCH_RECORDS, 2]),
        ([b"x", b"x" * MAX_BATCH_BYTES, b"x" * MAX_BATCH_BYTES, b"x"], [2, 1, 1]),
    ],
    ids=["many", "large"],
)
async def test_a_batch_ends_at_a_number_and_at_a_size(
    kafka_stack: Stack, values: list[bytes], sizes: list[int]
) -> None:
    async with reading(kafka_stack, values) as consumer:
        batches = [await read_batch(consumer) for _ in sizes]
    assert list(map(len, batches)) == sizes
    assert [record.offset for batch in batches for record in batch] == list(range(len(values)))


async def test_a_lone_record_does_not_wait_and_a_batch_is_never_empty(kafka_stack: Stack) -> None:
    async with reading(kafka_stack, [b"x"]) as consumer:
        assert len(await read_batch(consumer)) == 1
        waiting = asyncio.create_task(consumer.getmany(timeout_ms=1))
        _, still_waiting = await asyncio.wait({waiting}, timeout=1.5)
        assert still_waiting
        waiting.cancel()


async def test_an_error_behind_a_record_does_not_lose_the_record(kafka_stack: Stack) -> None:
    async with reading(kafka_stack, [b"x", b"y"]) as consumer:
        (fetched,) = consumer._fetcher._records.values()
        records = fetched._partition_records._records_iterator

        def failing() -> object:
            yield next(records)
            raise CorruptRecordException("Invalid CRC")

        fetched._partition_records._records_iterator = failing()
        assert [record.value for record in await read_batch(consumer)] == [b"x"]
        assert [record.value for record in await read_batch(consumer)] == [b"y"], "it is fetched again"
