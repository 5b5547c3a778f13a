"""In-memory implementation of the publisher, for tests and for a look at what would be published."""

import asyncio
from collections.abc import Sequence
from enum import Enum

from typing_extensions import override

from producer.kafka.publisher import KeyedRecord, Publisher, PublishError, TopicsMissingError


class FakeKafkaState(Enum):
    """Behaviour of the simulated Kafka."""

    AVAILABLE = "accepts and acknowledges records"
    UNAVAILABLE = "accepts no records"
    SILENT = "accepts records and does not acknowledge them"


class MemoryPublisher(Publisher):
    """A publisher that keeps the records in a list."""

    def __init__(self) -> None:
        self.records: list[tuple[str, KeyedRecord]] = []
        self.state = FakeKafkaState.AVAILABLE
        self.missing_topics: set[str] = set()
        """Topics that do not exist. All others do."""
        self.hidden_topics: set[str] = set()
        """Topics that the service may not ask about."""

    @override
    async def start(self) -> None:
        pass

    @override
    async def publish(self, topic: str, records: Sequence[KeyedRecord]) -> None:
        """Keep the records, or fail if `state` says so."""
        if self.state is FakeKafkaState.UNAVAILABLE:
            raise PublishError(may_be_published=False)
        self.records.extend((topic, record) for record in records)
        if self.state is FakeKafkaState.SILENT:
            raise PublishError(may_be_published=True)

    @override
    async def topic_exists(self, topic: str) -> bool | None:
        return None if topic in self.hidden_topics else topic not in self.missing_topics

    @override
    def problem(self) -> str | None:
        return None if self.state is FakeKafkaState.AVAILABLE else self.state.value

    @override
    async def wait_failed(self) -> TopicsMissingError:
        """Wait forever: this publisher does not fail."""
        never: asyncio.Future[TopicsMissingError] = asyncio.get_running_loop().create_future()
        return await never

    @override
    async def stop(self) -> None:
        pass
