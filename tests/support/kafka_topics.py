"""Topics for a test. Kafka answers that they are created before its brokers list them: here they are waited for."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def create_topics(bootstrap: str, *topics: NewTopic) -> None:
    """Create topics, and return once a broker lists each with a leader for every partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics(list(topics))
        async with asyncio.timeout(30):
            while not {topic.name for topic in topics} <= await _listed(admin):  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def _listed(admin: AIOKafkaAdminClient) -> set[str]:
    described = await admin.describe_topics()
    return {
        topic["topic"]
        for topic in described
        if not topic["error_code"] and topic["partitions"] and all(part["leader"] >= 0 for part in topic["partitions"])
    }
