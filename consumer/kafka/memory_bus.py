"""Bus in memory, for tests in one process."""

from collections import defaultdict
from collections.abc import Sequence

from typing_extensions import override

from consumer.events import Event
from consumer.kafka.bus import Bus, BusRejected, BusUnavailable, DeadLetter
from core.ids import ChunkId
from schemas.statuses import Channel, Lane


class MemoryBus(Bus):
    """Implementation in memory. It keeps everything and acknowledges at once."""

    def __init__(self, *topics: str) -> None:
        self.wake_ups: list[tuple[Lane, Channel, ChunkId]] = []
        self.events: dict[str, list[tuple[str, Event]]] = defaultdict(list)
        """By topic: (key, event), in the order of their publishing."""
        self.dead_letters: list[DeadLetter] = []
        self.lags: dict[tuple[str, int], int] = {}
        self._topics, self._closed = set(topics), set[str]()

    @override
    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        self.wake_ups.append((lane, channel, chunk))

    @override
    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        if topic not in self._topics:
            raise BusUnavailable("the topic does not exist")
        if topic in self._closed:
            raise BusRejected("the topic is read-only")
        self.events[topic].extend((key, event) for event in events)

    @override
    async def publish_dead_letter(self, dead_letter: DeadLetter) -> None:
        self.dead_letters.append(dead_letter)

    @override
    async def topic_exists(self, topic: str) -> bool:
        return topic in self._topics

    @override
    async def topic_was_deleted(self, topic: str) -> bool:
        return topic not in self._topics

    def delete_topic(self, topic: str) -> None:
        """Delete a topic. The events that were published to it stay readable here."""
        self._topics.discard(topic)

    def make_topic_read_only(self, topic: str) -> None:
        """Make an existing topic reject all events."""
        self._closed.add(topic)

    @override
    async def consumer_lag(self, topic: str, partition: int) -> int:
        return self.lags.get((topic, partition), 0)
