"""Publishing: wake-up calls, result events and dead letters; acknowledged by all replicas or not done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consumer.events import Event, Headers
from core.ids import ChunkId
from ledger.dead_letter_format import dead_letter_headers
from schemas.statuses import Channel, Lane


class BusUnavailable(Exception):  # noqa: N818  # a state of the world, not a mistake
    """Kafka did not acknowledge; what was handed over may have been written, and may be published again."""


class BusTimeout(BusUnavailable):
    """Kafka said nothing in time."""


class BusRejected(BusUnavailable):
    """Kafka answered, and does not take it there: a right is lacking, or the topic's limits are too narrow."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be used: its sealed bytes, where it stood, and why."""

    key: bytes | None
    sealed: bytes
    origin: str
    reason: str

    def headers(self) -> Headers:
        """What an operator sees without opening it."""
        return dead_letter_headers(self.origin, self.reason)


class Bus(Protocol):
    """The bus; Kafka's and the one in memory stand side by side. Every method may raise BusUnavailable."""

    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        """Publish the wake-up call of a chunk."""

    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        """Publish events under one key, and return when all are acknowledged."""

    async def publish_dead_letter(self, letter: DeadLetter) -> None:
        """Publish a dead letter."""

    async def topic_exists(self, topic: str) -> bool:
        """Whether a topic is there to publish to."""

    async def topic_was_deleted(self, topic: str) -> bool:
        """Whether there is certainly no such topic now; asked when publishing to it failed."""

    async def consumer_lag(self, topic: str, partition: int) -> int:
        """How many records of an intake partition its group has not committed."""
