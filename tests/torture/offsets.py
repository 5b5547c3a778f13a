"""What the consumer groups have committed: read, and set back."""

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.support.deployment import Deployment
from tests.support.polling import wait_until

TOPICS = ("requests", "requests_express", "chunks", "chunks_express")


def _groups(deployment: Deployment, names: tuple[str, ...]) -> dict[str, str]:
    """The topics with these names, and the group that reads each."""
    topics = [getattr(deployment.topics, name) for name in names]
    return {topic: deployment.topics.group_of(topic) for topic in topics}


async def set_back(deployment: Deployment) -> None:
    """Let every group begin again; waits until they have no members, which have to be stopped before."""
    admin = AdminClient({"bootstrap.servers": deployment.bootstrap, "log_level": 0})
    for topic, group in _groups(deployment, TOPICS).items():
        numbers = admin.list_topics(topic, timeout=10).topics[topic].partitions
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, number, 0) for number in numbers])
        await wait_until(lambda: _set(admin, wanted), 30)  # noqa: B023  # awaited here


def _set(admin: AdminClient, wanted: ConsumerGroupTopicPartitions) -> bool:
    try:
        for future in admin.alter_consumer_group_offsets([wanted]).values():
            future.result(10)
    except KafkaException:
        return False  # it has members still
    return True


async def read_to_the_end(deployment: Deployment, seconds: float = 60.0) -> None:
    """Wait until everything in the intake is read and committed."""
    admin = AdminClient({"bootstrap.servers": deployment.bootstrap, "log_level": 0})
    for topic, group in _groups(deployment, TOPICS[:2]).items():
        await wait_until(lambda: _lag(admin, topic, group) == 0, seconds)  # noqa: B023  # awaited here


def _lag(admin: AdminClient, topic: str, group: str) -> int:
    numbers = admin.list_topics(topic, timeout=10).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in numbers]
    ends = admin.list_offsets({place: OffsetSpec.latest() for place in places})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
    done = {place.partition: max(place.offset, 0) for place in asked[group].result(10).topic_partitions}
    return sum(end.result(10).offset - done.get(place.partition, 0) for place, end in ends.items())
