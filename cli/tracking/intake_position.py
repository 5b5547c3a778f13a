"""Position of a request in its intake topic, to find out whether consumers can still reject it."""

from collections.abc import Mapping

from aiokafka.structs import TopicPartition

from cli.clients.kafka_client import open_admin
from cli.clients.record_publisher import PublishProgress
from cli.tracking.event_reader import ResultEventReader
from config.settings import CommonSettings


class IntakePosition:
    """Position of the last published part, compared with the consumers' committed offset.

    For a repeat of a completed request, consumers publish nothing, or a rejection if the body is different. They commit
    a record only after they have published its rejection. The earlier completion holds for this attempt under two
    conditions. The group must have committed the last part, and all results up to then must have been read.
    """

    def __init__(self, settings: CommonSettings, reader: ResultEventReader, progress: PublishProgress) -> None:
        self._settings, self._reader, self._progress = settings, reader, progress
        self._ends: Mapping[TopicPartition, int] | None = None

    async def is_consumed(self) -> bool:
        """Return whether consumers have processed all parts and their rejections were read."""
        if self._ends is None:
            if not await self._is_committed():
                return False
            self._ends = await self._reader.ends()
        return await self._reader.has_passed(self._ends)

    async def _is_committed(self) -> bool:
        group = self._settings.topics.group_of(self._progress.topic)
        partition = TopicPartition(self._progress.topic, self._progress.partition)
        async with open_admin(self._settings) as admin:
            offsets = await admin.list_consumer_group_offsets(group, partitions=[partition])
        return bool(offsets[partition].offset > self._progress.offset)
