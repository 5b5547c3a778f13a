"""Stop of a Kafka consumer in whatever state Kafka is."""

import asyncio

from aiokafka import AIOKafkaConsumer

STOP_SECONDS = 5.0
"""Maximum time for a stop, in seconds. It can hang while Kafka is unavailable."""


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer. Its errors are dropped, because nothing depends on the stop.

    While Kafka is unavailable, aiokafka (0.14, Fetcher.close) raises the CancelledError of its own fetch. The stop
    therefore runs in a task of its own. Otherwise the caller would look cancelled.
    """
    stopping = asyncio.create_task(consumer.stop())
    try:
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    finally:
        stopping.cancel()
        if stopping.done() and not stopping.cancelled():
            stopping.exception()
