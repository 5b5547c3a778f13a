"""Lookup of reply topics by the producer in a real Kafka."""

import uuid

from aiokafka.admin import NewTopic

from devstack import Stack
from producer.kafka.kafka_publisher import KafkaPublisher
from schemas.topic_definitions import Topics
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until
from tests.support.service import some_settings


async def test_the_producer_tells_existing_topics_from_others_and_creates_none(kafka_stack: Stack) -> None:
    topics, servers = Topics(f"t{uuid.uuid4().hex[:8]}"), kafka_stack.kafka_bootstrap
    await create_topics(servers, *(NewTopic(name, 1, 1) for name in (*topics.intake, topics.results)))
    publisher = KafkaPublisher(some_settings(kafka_bootstrap=servers, topic_prefix=topics.prefix))
    await publisher.start()
    try:
        await wait_until(lambda: publisher.problem() is None)
        later = f"{topics.prefix}.later"
        assert await publisher.topic_exists(topics.results) is True
        assert await publisher.topic_exists(later) is False
        assert await publisher.topic_exists("..") is False
        await create_topics(servers, NewTopic(later, 1, 1))
        await wait_until(lambda: publisher.topic_exists(later))
    finally:
        await publisher.stop()
