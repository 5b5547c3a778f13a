"""Bus in memory, for tests in one process."""

from collections import defaultdict
from collections.abc import Sequence

from typing_extensions import override

from consumer.events import MAX_EVENT_BYTES, Event
from consumer.kafka.bus import Bus, BusRejected, BusUnavailable, DeadLetter, TooLargeForTopic
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
        self.max_dead_letter_bytes: int | None = None
        self._topics = set(topics)
        self._failing: dict[str, BusUnavailable] = {}
        self._max_event_bytes: dict[str, int] = {}

    @override
    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        self.wake_ups.append((lane, channel, chunk))

    @override
    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        if topic not in self._topics:
            raise BusUnavailable("the topic does not exist")
        if topic in self._failing:
            raise self._failing[topic]
        limit = self._max_event_bytes.get(topic)
        too_large = [event for event in events if limit is not None and len(event.body) > limit]
        if any(len(event.body) <= MAX_EVENT_BYTES for event in too_large):
            raise BusRejected("the topic takes smaller events only")
        self.events[topic].extend((key, event) for event in events if event not in too_large)
        if too_large:
            raise TooLargeForTopic("the topic takes none of the large events", too_large)

    @override
    async def publish_dead_letter(self, dead_letter: DeadLetter) -> None:
        if self.max_dead_letter_bytes is not None and len(dead_letter.sealed) > self.max_dead_letter_bytes:
            raise TooLargeForTopic("the dead letter is too large")
        self.dead_letters.append(dead_letter)

    @override
    async def topic_exists(self, topic: str, *, may_be_new: bool = True) -> bool:
        del may_be_new
        return topic in self._topics

    @override
    async def topic_was_deleted(self, topic: str) -> bool:
        return topic not in self._topics

    def delete_topic(self, topic: str) -> None:
        """Delete a topic. The events that were published to it stay readable here."""
        self._topics.discard(topic)

    def fail_topic(self, topic: str, error: BusUnavailable) -> None:
        """Make an existing topic take no events, with this error."""
        self._failing[topic] = error

    def limit_event_bytes(self, topic: str, max_bytes: int) -> None:
        """Make a topic reject events whose body is larger than this."""
        self._max_event_bytes[topic] = max_bytes

    @override
    async def consumer_lag(self, topic: str, partition: int) -> int:
        return self.lags.get((topic, partition), 0)
