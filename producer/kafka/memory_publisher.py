"""The publisher's twin in memory, for tests and for whoever wants to see what would be published."""

import asyncio
from collections.abc import Sequence
from enum import Enum

from core.request_parts import EncodedPart
from producer.kafka.publisher import PublishError, TopicsMissingError


class FakeKafkaState(Enum):
    """How the Kafka that is not there behaves."""

    FINE = "takes and acknowledges"
    AWAY = "takes nothing"
    SILENT = "takes and does not acknowledge"


class MemoryPublisher:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[tuple[str, EncodedPart]] = []
        self.weather = FakeKafkaState.FINE

    async def start(self) -> None:
        """Nothing to do."""

    async def publish(self, topic: str, parts: Sequence[EncodedPart]) -> None:
        """Keep the parts, or behave as the weather says."""
        if self.weather is FakeKafkaState.AWAY:
            raise PublishError(handed_over=False)
        self.records.extend((topic, part) for part in parts)
        if self.weather is FakeKafkaState.SILENT:
            raise PublishError(handed_over=True)

    def problem(self) -> str | None:
        """Bad weather."""
        return None if self.weather is FakeKafkaState.FINE else self.weather.value

    async def wait_failed(self) -> TopicsMissingError:
        """Never."""
        never: asyncio.Future[TopicsMissingError] = asyncio.get_running_loop().create_future()
        return await never

    async def stop(self) -> None:
        """Nothing to do."""
