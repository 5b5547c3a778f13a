"""Port for publishing wake-up messages, result events and dead letters. All replicas acknowledge each record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consumer.events import Event, Headers
from core.ids import ChunkId
from ledger.dead_letter_format import UNKNOWN_REQUEST, RejectedRequest, dead_letter_headers
from schemas.statuses import Channel, Lane


class BusUnavailable(Exception):  # noqa: N818  # a state of the world, not a mistake
    """Kafka did not acknowledge. The records may have been written, and may be published again."""


class BusTimeout(BusUnavailable):
    """Kafka did not answer in time."""


class BusRejected(BusUnavailable):
    """Kafka answered with an error: a permission is missing, the topic has other limits, or a broker is away."""


class TooLargeForTopic(BusRejected):
    """Kafka rejected records for their size. A repeat cannot succeed."""

    def __init__(self, message: str, events: Sequence[Event] = ()) -> None:
        super().__init__(message)
        self.events = events
        """Events that are larger than MAX_EVENT_BYTES and that the topic refuses. All others were published."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record: its sealed bytes, its origin and the reason."""

    key: bytes | None
    sealed: bytes
    origin: str
    reason: str
    request: RejectedRequest = UNKNOWN_REQUEST

    def headers(self) -> Headers:
        """Return the headers, which an operator can read without the sealing key."""
        return dead_letter_headers(self.origin, self.reason, self.request)


class Bus(Protocol):
    """Port with two implementations: Kafka and memory. Every method may raise BusUnavailable."""

    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        """Publish the wake-up message of a chunk."""

    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        """Publish events under one key. Return when Kafka has acknowledged all of them.

        Events that are too large together are published in smaller batches. Raise TooLargeForTopic if the topic takes
        all events except some larger than MAX_EVENT_BYTES.
        """

    async def publish_dead_letter(self, dead_letter: DeadLetter) -> None:
        """Publish a dead letter. Raise TooLargeForTopic if the topic takes smaller ones only."""

    async def topic_exists(self, topic: str, *, may_be_new: bool = True) -> bool:
        """Return whether a topic exists. `may_be_new`: it may have been created less than a second ago."""

    async def topic_was_deleted(self, topic: str) -> bool:
        """Return whether a topic certainly does not exist now. Called after publishing to it has failed."""

    async def consumer_lag(self, topic: str, partition: int) -> int:
        """Return how many offsets of an intake partition its consumer group has not committed.

        Records of open transactions count. One of them may be the missing part of a request.
        """
