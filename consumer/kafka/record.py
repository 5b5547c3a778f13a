"""Record as Kafka delivered it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, repr=False)
class KafkaRecord:
    """A record of an intake topic or of a topic with wake-up messages."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def origin(self) -> str:
        """Return topic, partition and offset as one string."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def timestamp(self) -> datetime:
        """Return the timestamp in UTC."""
        return datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)

    def __repr__(self) -> str:
        return f"KafkaRecord({self.origin})"
