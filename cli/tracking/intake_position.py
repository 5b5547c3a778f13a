"""Whether the consumers have taken up what was published: only then it is certain that they refuse none of it."""

from collections.abc import Mapping

from aiokafka.structs import TopicPartition

from cli.clients.kafka_client import open_admin
from cli.clients.record_publisher import PublishProgress
from cli.tracking.event_reader import ResultEventReader
from config.settings import CommonSettings


class IntakePosition:
    """A repeat of a completed request is answered by silence, or by a refusal where its body is another one.

    A record is committed only after its refusal is published. So when its group has committed the last part, and
    everything that the results topic held by then was heard, the earlier completion holds for this attempt too.
    """

    def __init__(self, settings: CommonSettings, follower: ResultEventReader, published: PublishProgress) -> None:
        self._settings, self._follower, self._published = settings, follower, published
        self._ends: Mapping[TopicPartition, int] | None = None

    async def is_consumed(self) -> bool:
        """Ask anew; cheap enough for a loop that waits between."""
        if self._ends is None:
            if not await self._committed():
                return False
            self._ends = await self._follower.ends()
        return await self._follower.has_passed(self._ends)

    async def _committed(self) -> bool:
        group = self._settings.topics.group_of(self._published.topic)
        partition = TopicPartition(self._published.topic, self._published.partition)
        async with open_admin(self._settings) as admin:
            offsets = await admin.list_consumer_group_offsets(group, partitions=[partition])
        return bool(offsets[partition].offset > self._published.offset)
