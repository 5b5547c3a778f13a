"""Bytes that the Kafka client has fetched and nobody has read yet."""

import uuid

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from consumer.fetch.tolerant_consumer import TolerantConsumer
from devstack import Stack
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until

PARTITIONS, RECORD_BYTES, FETCH_BYTES = 8, 300_000, 600_000


async def test_no_more_is_fetched_while_fetched_records_are_unread(kafka_stack: Stack) -> None:
    topic = f"fetched-{uuid.uuid4().hex[:8]}"
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(topic, PARTITIONS, 1))
    async with AIOKafkaProducer(bootstrap_servers=kafka_stack.kafka_bootstrap) as producer:
        for partition in range(PARTITIONS):
            await producer.send_and_wait(topic, b"x" * RECORD_BYTES, partition=partition)
    consumer = TolerantConsumer(
        topic,
        bootstrap_servers=kafka_stack.kafka_bootstrap,
        auto_offset_reset="earliest",
        fetch_max_bytes=FETCH_BYTES,
    )
    await consumer.start()
    try:
        fetcher = consumer._fetcher
        await wait_until(lambda: len(fetcher._records) > 0, 30)
        for result in fetcher._records.values():
            result._created -= 60  # as if nobody read it for a minute
        fetches, *_ = fetcher._get_actions_per_node(consumer._subscription.subscription.assignment)
        assert fetches == []
        assert len(fetcher._records) * RECORD_BYTES <= FETCH_BYTES
        assert {(await consumer.getone()).partition for _ in range(PARTITIONS)} == set(range(PARTITIONS))
    finally:
        await consumer.stop()
