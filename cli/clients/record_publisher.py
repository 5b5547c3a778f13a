"""Publication of the parts of a request, in order. All replicas acknowledge each part before the next one is sent."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from cli.clients.kafka_client import KAFKA_TIMEOUT_SECONDS, silence_driver_logs, with_timeout
from config.settings import CommonSettings
from core.request_parts import EncodedPart


@dataclass(slots=True)
class PublishProgress:
    """Acknowledged parts and recipients, and the Kafka coordinates of the last part."""

    parts: int = 0
    recipients: int = 0
    topic: str = ""
    partition: int = 0
    offset: int = -1


@asynccontextmanager
async def open_publisher(
    settings: CommonSettings, max_request_bytes: int = 1024 * 1024
) -> AsyncIterator[AIOKafkaProducer]:
    """Open a producer.

    It is not idempotent in Kafka's sense. An idempotent producer can hang, and a part may safely be published twice.
    """
    silence_driver_logs()
    options = {**settings.kafka_options(), "max_request_size": max_request_bytes}
    producer = AIOKafkaProducer(**options, acks="all", compression_type="lz4")
    try:
        await with_timeout(KAFKA_TIMEOUT_SECONDS, producer.start())
        yield producer
    finally:
        await with_timeout(KAFKA_TIMEOUT_SECONDS, producer.stop())


async def publish(
    producer: AIOKafkaProducer, topic: str, parts: Iterable[EncodedPart], progress: PublishProgress
) -> None:
    """Publish all parts in order, and record each acknowledged part in `progress`."""
    for part in parts:
        metadata = await with_timeout(KAFKA_TIMEOUT_SECONDS, producer.send_and_wait(topic, part.value, part.key))
        progress.topic, progress.partition, progress.offset = metadata.topic, metadata.partition, metadata.offset
        progress.parts += 1
        progress.recipients += part.recipients
