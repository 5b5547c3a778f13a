"""The bus in memory: the twin of Kafka's for tests in one process."""

from collections import defaultdict
from collections.abc import Sequence

from consumer.events import Event
from consumer.kafka.bus import BusRejected, BusUnavailable, DeadLetter
from core.ids import ChunkId
from schemas.statuses import Channel, Lane


class MemoryBus:
    """See consumer/bus.Bus. Keeps everything, acknowledges at once."""

    def __init__(self, *topics: str) -> None:
        self.wake_ups: list[tuple[Lane, Channel, ChunkId]] = []
        self.events: dict[str, list[tuple[str, Event]]] = defaultdict(list)
        """By topic: (key, event), in the order of their publishing."""
        self.dead_letters: list[DeadLetter] = []
        self.lags: dict[tuple[str, int], int] = {}
        self._topics, self._closed = set(topics), set[str]()

    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        """Keep the wake-up call."""
        self.wake_ups.append((lane, channel, chunk))

    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        """Keep the events; a topic that is not there takes none."""
        if topic not in self._topics:
            raise BusUnavailable("no such topic")
        if topic in self._closed:
            raise BusRejected("no right to write")
        self.events[topic].extend((key, event) for event in events)

    async def publish_dead_letter(self, letter: DeadLetter) -> None:
        """Keep the dead letter."""
        self.dead_letters.append(letter)

    async def topic_exists(self, topic: str) -> bool:
        """Whether it was named at the start."""
        return topic in self._topics

    async def topic_was_deleted(self, topic: str) -> bool:
        """Whether it was deleted, or never named."""
        return topic not in self._topics

    def delete_topic(self, topic: str) -> None:
        """Take a topic away; what was published to it stays readable here."""
        self._topics.discard(topic)

    def make_topic_read_only(self, topic: str) -> None:
        """Let a topic take nothing, though it is there."""
        self._closed.add(topic)

    async def consumer_lag(self, topic: str, partition: int) -> int:
        """What the test says."""
        return self.lags.get((topic, partition), 0)
