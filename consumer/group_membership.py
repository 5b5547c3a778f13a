"""Membership of one consumer in its groups, from the first join to the end."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Protocol

from aiokafka.errors import KafkaError
from faststream import FastStream
from faststream.kafka import KafkaBroker

from consumer.context import ConsumerContext
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.logger import logger
from consumer.subscribers import LEAVE_SECONDS

STOP_SECONDS = 5.5
"""Maximum time that FastStream may take to leave the groups, in seconds."""
AGAIN_SECONDS = 1.0
"""Pause between a failed start of FastStream and the next one, in seconds."""
RECANCEL_SECONDS = 0.25
"""Time after which a task that is still running is cancelled again, in seconds."""


class Drainable(Protocol):
    """Records that were read and are not done."""

    async def drain(self, seconds: float) -> None:
        """Wait for the work that is under way, `seconds` at most, and end the rest."""


class GroupMembership:
    """Membership by a FastStream application, which is built again if Kafka goes away before the groups are joined.

    A broker of FastStream that failed to start may keep half of its connections. It is not started again.
    """

    def __init__(
        self,
        build: Callable[[], tuple[FastStream, KafkaBroker]],
        queues: Collection[Drainable],
        reading: OffsetTracker,
        context: ConsumerContext,
    ) -> None:
        self._build, self._queues, self._reading, self._context = build, queues, reading, context
        self._app, self.broker = build()
        self._joining: asyncio.Task[bool] | None = None

    def start_joining(self) -> asyncio.Task[bool]:
        """Start to join the groups. The result of the task is whether they were joined before the process stops."""
        self._joining = asyncio.create_task(self._join())
        return self._joining

    async def _join(self) -> bool:
        """Join the groups. If Kafka goes away before, wait for it and try again."""
        while not self._context.stopping.is_set():  # a library may swallow the cancellation that comes with a stop
            try:
                await self._app.start()
            except (KafkaError, OSError) as error:
                reason = f"Kafka: {type(error).__name__}"
                logger.warning("waiting for the stack", variable="ROLLCALL_KAFKA_BOOTSTRAP", reason=reason)
            else:
                return True
            await self._drain()
            await self._stop_app()
            await self._context.sleep(AGAIN_SECONDS)
            self._app, self.broker = self._build()
        return False

    async def leave(self) -> None:
        """Leave the groups, so that other members soon get the partitions and read unfinished records again.

        A join that is under way is ended first. It takes none of the time for leaving, because the records are drained
        meanwhile.
        """
        joining = {self._joining} if self._joining else set[asyncio.Task[bool]]()
        await asyncio.gather(cancel_and_wait(joining, 2 * LEAVE_SECONDS), self._drain())
        await self._stop_app()

    async def _drain(self) -> None:
        await asyncio.gather(*(queue.drain(LEAVE_SECONDS) for queue in self._queues))
        await self._reading.drain(LEAVE_SECONDS)

    async def _stop_app(self) -> None:
        try:
            await asyncio.wait_for(self._app.stop(), STOP_SECONDS)
        except Exception as error:  # noqa: BLE001  # Kafka is away, and detects the lost member by itself
            logger.warning("group leave failed", error=type(error).__name__)


async def cancel_and_wait(tasks: Collection[asyncio.Task[Any]], seconds: float) -> None:
    """Cancel tasks and wait until they have ended, at most `seconds`.

    A task is cancelled again while it runs: in Python 3.11 `asyncio.wait_for` swallows a cancellation that arrives
    together with the result that it waits for.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while (running := {task for task in tasks if not task.done()}) and clock() < deadline:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=min(RECANCEL_SECONDS, max(0.0, deadline - clock())))
