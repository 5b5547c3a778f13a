"""Records of a topic, read from its beginning."""

import asyncio
import itertools

from aiokafka import AIOKafkaConsumer, ConsumerRecord


async def records_of(bootstrap: str, topic: str, count: int) -> list[ConsumerRecord]:
    """Return the first records of a topic, at least `count` of them."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    records: list[ConsumerRecord] = []
    try:
        async with asyncio.timeout(30):
            while len(records) < count:
                batches = await consumer.getmany(timeout_ms=200)
                records += itertools.chain.from_iterable(batches.values())
    finally:
        await consumer.stop()
    return records
