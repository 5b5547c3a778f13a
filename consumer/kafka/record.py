"""Record as Kafka delivered it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class KafkaRecord:
    """A record of an intake topic or of a topic with wake-up messages."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """Time that the producer or the broker wrote. It may be any number (consumer/expand/accepted_at.py)."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    unparsed: str | None = None
    """Problem of a record that the Kafka client cannot parse. The value has the raw bytes, of a whole batch perhaps."""

    @property
    def origin(self) -> str:
        """Return topic, partition and offset as one string."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def size(self) -> int:
        """Return the number of bytes of value, key and headers."""
        headers = sum(len(name) + len(value or b"") for name, value in self.headers)
        return len(self.value or b"") + len(self.key or b"") + headers

    def __repr__(self) -> str:
        return f"KafkaRecord({self.origin})"
