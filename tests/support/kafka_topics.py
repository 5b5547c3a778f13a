"""Topics for a test. Kafka answers that they are created before its brokers list them: here they are waited for."""

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.support.polling import wait_until


async def create_topics(bootstrap: str, *topics: NewTopic) -> None:
    """Create topics, and return once a broker lists each with a leader for every partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics(list(topics))
        await wait_until(lambda: _lists_all(admin, topics), seconds=30)
    finally:
        await admin.close()


async def _lists_all(admin: AIOKafkaAdminClient, topics: Sequence[NewTopic]) -> bool:
    described = await admin.describe_topics()
    listed = {
        topic["topic"]
        for topic in described
        if not topic["error_code"] and topic["partitions"] and all(part["leader"] >= 0 for part in topic["partitions"])
    }
    return {topic.name for topic in topics} <= listed


async def take_any_timestamp(bootstrap: str, topic: str) -> None:
    """Let the broker take times in the future, as brokers before version 3.6 do."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        configs = {"message.timestamp.after.max.ms": str(2**63 - 1), "message.timestamp.before.max.ms": str(2**63 - 1)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])
    finally:
        await admin.close()
