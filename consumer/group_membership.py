"""Membership of one consumer in its groups, from the first join to the end."""

import asyncio
from collections.abc import Callable, Collection

from aiokafka.errors import KafkaError
from faststream import FastStream
from faststream.kafka import KafkaBroker

from consumer.context import ConsumerContext
from consumer.expand.queue import ExpansionQueue
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.logger import logger
from consumer.subscribers import LEAVE_SECONDS

STOP_SECONDS = 5.5
"""Maximum time that FastStream may take to leave the groups, in seconds."""
AGAIN_SECONDS = 1.0
"""Pause between a failed start of FastStream and the next one, in seconds."""


class Membership:
    """The FastStream application, built anew when Kafka goes away before the groups are joined.

    A broker of FastStream that failed to start may keep half of its connections, and is not started again.
    """

    def __init__(
        self,
        build: Callable[[], tuple[FastStream, KafkaBroker]],
        expansions: Collection[ExpansionQueue],
        reading: OffsetTracker,
        context: ConsumerContext,
    ) -> None:
        self._build, self._expansions, self._reading, self._context = build, expansions, reading, context
        self._app, self.broker = build()

    async def join(self) -> bool:
        """Join the groups, and wait for Kafka each time that it goes away before."""
        while True:
            try:
                await self._app.start()
            except (KafkaError, OSError) as error:
                because = f"Kafka: {type(error).__name__}"
                logger.warning("waiting for the stack", variable="ROLLCALL_KAFKA_BOOTSTRAP", because=because)
            else:
                return True
            await self.leave()
            await self._context.sleep(AGAIN_SECONDS)
            self._app, self.broker = self._build()

    async def leave(self) -> None:
        """Leave the groups, so that other members soon get the partitions and read unfinished records again."""
        await asyncio.gather(*(expansions.drain(LEAVE_SECONDS) for expansions in self._expansions))
        await self._reading.drain(LEAVE_SECONDS)
        try:
            await asyncio.wait_for(self._app.stop(), STOP_SECONDS)
        except Exception as error:  # noqa: BLE001  # Kafka is away, and finds out by itself that this member left
            logger.warning("the groups were not left in order", error=type(error).__name__)
