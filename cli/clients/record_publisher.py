"""Hands the parts of a request to Kafka, one after the other, each acknowledged by all replicas."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from cli.clients.kafka_client import PATIENCE_SECONDS, silence_driver_logs, with_timeout
from config.settings import CommonSettings
from core.request_parts import EncodedPart


@dataclass(slots=True)
class PublishProgress:
    """How far the publishing came."""

    parts: int = 0
    recipients: int = 0
    topic: str = ""
    partition: int = 0
    offset: int = -1
    """Where the last part stands."""


@asynccontextmanager
async def open_publisher(
    settings: CommonSettings, max_request_bytes: int = 1024 * 1024
) -> AsyncIterator[AIOKafkaProducer]:
    """A producer. Not idempotent: such a one can hang, and a repeated part is the same part."""
    silence_driver_logs()
    options = {**settings.kafka_options(), "max_request_size": max_request_bytes}
    producer = AIOKafkaProducer(**options, acks="all", compression_type="lz4")
    try:
        await with_timeout(PATIENCE_SECONDS, producer.start())
        yield producer
    finally:
        await with_timeout(PATIENCE_SECONDS, producer.stop())


async def publish(
    producer: AIOKafkaProducer, topic: str, parts: Iterable[EncodedPart], progress: PublishProgress
) -> None:
    """Publish all parts in order, noting each that is acknowledged."""
    for part in parts:
        stands = await with_timeout(PATIENCE_SECONDS, producer.send_and_wait(topic, part.value, part.key))
        progress.topic, progress.partition, progress.offset = stands.topic, stands.partition, stands.offset
        progress.parts += 1
        progress.recipients += part.recipients
