"""Questions to Kafka about its topics."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    LeaderNotAvailableError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.metadata import MetadataRequest

PROBE_SECONDS = 2.0
"""Time between two probes of Kafka, and maximum time of one probe, in seconds."""


async def fetch_topics(producer: AIOKafkaProducer) -> Collection[str] | None:
    """Return the topics that Kafka has, or None if Kafka does not answer."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            known: Collection[str] = (await producer.client.fetch_all_metadata()).topics()
    except (KafkaError, TimeoutError, OSError):
        return None
    return known


async def topics_by_existence(producer: AIOKafkaProducer, topics: Sequence[str]) -> Mapping[str, bool]:
    """Return whether each of these topics exists. Topics that this user may not describe are absent.

    Kafka creates no topic because of this request, as it would for a request of the client itself.
    """
    request = MetadataRequest(list(topics), allow_auto_topic_creation=False)
    response: Any = await producer.client.send(producer.client.get_random_node(), request)
    codes = {topic: code for code, topic, *_ in response.topics}
    missing = {UnknownTopicOrPartitionError.errno, InvalidTopicError.errno}
    told = missing | {0, LeaderNotAvailableError.errno}
    return {topic: code not in missing for topic, code in codes.items() if code in told}
