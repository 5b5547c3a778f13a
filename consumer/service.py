"""Life of one consumer process: start of health, wait for the stack, work, and a stop in time."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from faststream.kafka import KafkaBroker

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.expand.expansion_queue import ExpansionQueue
from consumer.flow_control.slots import DRAIN_SECONDS, SlotKey, WorkerSlots
from consumer.group_membership import GroupMembership, cancel_and_wait
from consumer.kafka.bus import BusUnavailable
from consumer.kafka.kafka_bus import KafkaBus
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.read_positions import ReadPositions
from consumer.kafka.subscription_health import subscription_problems
from consumer.logger import error_location, logger
from consumer.monitoring.http_server import start_health
from consumer.monitoring.readiness_log import ReadinessLog
from consumer.settings import ConsumerSettings
from consumer.settle.receipt_queue import ReceiptQueue
from consumer.subscribers import RecordQueues, build_faststream
from consumer.sweep.provider_reports import report_providers
from consumer.sweep.sweeper import Sweeper
from consumer.sweep.tenant_provider_upkeep import keep_tenant_providers
from ledger.errors import LedgerUnavailable
from ledger.mongo import MongoLedger
from schemas.statuses import Lane

PROBE_SECONDS = 3.0
PROVIDER_GRACE_SECONDS = 6.0
"""Time that running provider calls get for their answers at a stop, in seconds."""
CANCEL_SECONDS = 0.5
"""Maximum time for the end of the loops and the join after the running chunks, in seconds."""
START_CANCEL_SECONDS = 7.5
"""Maximum time for the end of the wait for the stack at a stop, in seconds. No chunk is running then."""
CLOSE_SECONDS = 1.5
"""Maximum time for closing all connections concurrently, in seconds."""

T = TypeVar("T")


class TopicsMissing(Exception):  # noqa: N818  # the message is shown to the operator
    """Error for missing topics."""


class HttpAddressUnavailable(Exception):  # noqa: N818  # likewise
    """Error for the address of health, readiness and metrics: it is in use, or does not belong to this machine."""


class PublishingStalled(Exception):  # noqa: N818  # likewise
    """Error for a Kafka client that cannot publish although Kafka answers. A new process can publish."""


class BackgroundTasks(NamedTuple):
    """Tasks that must run as long as the process."""

    sweeper: asyncio.Task[None]
    serving: asyncio.Task[None]


@dataclass(slots=True)
class ConsumerService:
    """Parts of one consumer process."""

    settings: ConsumerSettings
    context: ConsumerContext
    bus: KafkaBus
    ledger: MongoLedger
    slots: dict[SlotKey, WorkerSlots]
    sweep_slots: dict[SlotKey, WorkerSlots]
    fatal_reason: str | None = None
    """Reason why this process had to stop by itself."""


async def run_service(service: ConsumerService) -> None:
    """Run until a signal asks for a stop. The stop takes less than ten seconds, even if dependencies hang."""
    settings, context = service.settings, service.context
    host, port = settings.consumer_http_host, settings.consumer_http_port
    try:
        health = await start_health(host, port, context.readiness, context.metrics)
    except OSError as error:
        await _close(service)
        raise HttpAddressUnavailable(error.strerror) from None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, context.stopping.set)
    starting = asyncio.create_task(_wait_for_stack(service))
    try:
        async with context.metrics.event_loop_stalls.watching():
            cluster = await _unless_stopped(starting, context.stopping)
            if cluster is not None:
                await _run_until_stopped(service, cluster)
    finally:
        await cancel_and_wait({starting}, START_CANCEL_SECONDS)
        await _close(service)
        await health.cleanup()
    if service.fatal_reason:
        raise PublishingStalled(service.fatal_reason)


async def _unless_stopped(task: asyncio.Task[T], stopping: asyncio.Event) -> T | None:
    """Return the result of a task, or None if the process is asked to stop before the task is done.

    The task runs on. The caller has to end it.
    """
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        stop.cancel()


async def _close(service: ConsumerService) -> None:
    context = service.context
    providers = context.providers.aclose(), context.tenant_providers.aclose()
    closing = (service.bus.aclose(), *providers, service.ledger.aclose())
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), CLOSE_SECONDS)


async def _run_until_stopped(service: ConsumerService, cluster: str) -> None:
    context, progress = service.context, service.context.readiness
    claimer = Claimer(context)
    reading = OffsetTracker(context.stopping, context.sleep)
    expansions = {topic: ExpansionQueue(cluster, context) for topic in service.settings.topics.intake}
    wake_ups = WakeUpQueue(claimer, service.slots, context)
    positions = ReadPositions(reading, context.metrics, context.monotonic)
    queues = RecordQueues(expansions, wake_ups, ReceiptQueue(context))
    build = partial(build_faststream, service.settings, context, queues, positions)
    membership = GroupMembership(build, [*expansions.values(), queues.receipts], reading, context)
    serving = asyncio.create_task(wake_ups.run())
    # The sweeper starts before the groups are joined, because a join waits for the session of a member that died.
    sweeper = asyncio.create_task(Sweeper(context, claimer, service.sweep_slots, service.slots).run())
    loops = BackgroundTasks(sweeper, serving)
    probe = asyncio.create_task(_probe(service, membership, loops))
    checking = asyncio.create_task(positions.run())
    reporting = asyncio.create_task(report_providers(context))
    upkeep = asyncio.create_task(keep_tenant_providers(context))
    joining = membership.start_joining()
    logger.info("consumer joins its groups", process=context.process_name)
    try:
        if await _unless_stopped(joining, context.stopping):
            progress.groups_joined()
            logger.info("consumer is up", process=context.process_name)
            await context.stopping.wait()
    finally:  # also after an error: the ledger is closed next, and no task may use it then
        await _end(service, membership, (*loops, probe, checking, reporting, upkeep, joining))


async def _end(service: ConsumerService, membership: GroupMembership, tasks: Collection[asyncio.Task[Any]]) -> None:
    """Leave the groups, finish the running chunks, and end the tasks."""
    context, progress = service.context, service.context.readiness
    stop_began_at = context.monotonic()
    logger.info("consumer is stopping")
    context.stopping.set()
    progress.stop_began()
    context.provider_caller.close()
    context.shared_limits.close()
    context.chunk_room.close()
    context.message_room.close()
    context.providers.stop(PROVIDER_GRACE_SECONDS)
    context.tenant_providers.stop(PROVIDER_GRACE_SECONDS)
    every = (*service.slots.values(), *service.sweep_slots.values())
    await asyncio.gather(membership.leave(), *(slots.drain(DRAIN_SECONDS) for slots in every))
    await cancel_and_wait(tasks, CANCEL_SECONDS)
    logger.info("consumer has stopped", seconds=round(context.monotonic() - stop_began_at, 1))


async def _wait_for_stack(service: ConsumerService) -> str | None:
    """Wait until ledger and bus answer and are set up. Return the cluster id, or None if a stop comes first."""
    context, ledger_is_up, bus_is_up = service.context, False, False
    while not context.stopping.is_set():
        try:
            if not ledger_is_up:
                await service.ledger.ping()
                await service.ledger.check()
                context.readiness.ledger_answered()
                ledger_is_up = True
            if not bus_is_up:  # a second start would leave the first sender running
                await service.bus.start()
                bus_is_up = True
            missing = await service.bus.missing_topics()
            context.readiness.bus_answered()
            if missing:
                raise TopicsMissing(f"Kafka topics {', '.join(missing)} do not exist. Run `rollcall setup`.")
            return await service.bus.cluster_id()
        except (LedgerUnavailable, BusUnavailable) as error:
            variable = "ROLLCALL_MONGO_URL" if isinstance(error, LedgerUnavailable) else "ROLLCALL_KAFKA_BOOTSTRAP"
            logger.warning("waiting for the stack", variable=variable, reason=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(context.stopping.wait(), 1.0)
    return None


async def _probe(service: ConsumerService, membership: GroupMembership, loops: BackgroundTasks) -> None:
    """Check Kafka and the tasks regularly, for readiness. Stop the process if publishing has stalled."""
    log = ReadinessLog()
    while True:
        try:
            await _check_once(service, membership.broker, loops)
            if not service.context.stopping.is_set():
                log.update(service.context.readiness.problems())
        except Exception as error:  # noqa: BLE001  # another version of the clients may raise anything, and the checks must go on
            logger.error("health check failed", error=type(error).__name__, location=error_location(error))
        await asyncio.sleep(PROBE_SECONDS)


async def _check_once(service: ConsumerService, broker: KafkaBroker, loops: BackgroundTasks) -> None:
    context, bus, progress = service.context, service.bus, service.context.readiness
    with contextlib.suppress(BusUnavailable):
        await bus.ping()
        progress.bus_answered()
    progress.update_loops(
        can_publish=bus.can_publish,
        sweeper_running=not loops.sweeper.done(),
        wake_ups_running=not loops.serving.done(),
    )
    for lane in Lane:
        every = (*service.slots.items(), *service.sweep_slots.items())
        progress.set_lane_active(lane, some=any(slots.in_use for (its_lane, _), slots in every if its_lane is lane))
    if not context.stopping.is_set() and (reason := bus.fatal_reason()):
        logger.error("publishing stalled, restart needed", reason=reason)
        service.fatal_reason = reason
        context.stopping.set()
    context.provider_caller.watch.check()
    progress.update_subscriptions(subscription_problems(broker, time.time()))
