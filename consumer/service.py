"""One consumer process from its start to its end: health first, then the stack, then work, then a stop in time."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Collection, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from faststream.kafka import KafkaBroker

from consumer.context import Tools
from consumer.deliver.claim import Claimer
from consumer.deliver.wake_up_queue import Calls
from consumer.expand.queue import Expansions
from consumer.flow_control.slots import Kind, Slots
from consumer.group_membership import Membership
from consumer.kafka.bus import BusUnavailable
from consumer.kafka.kafka_bus import KafkaBus
from consumer.kafka.offset_tracker import Reading
from consumer.kafka.subscription_health import subscription_troubles
from consumer.logger import log, where
from consumer.monitoring.http_server import start_health
from consumer.settings import ConsumerSettings
from consumer.subscribers import build_faststream
from consumer.sweep.sweeper import Sweeper
from ledger.errors import LedgerUnavailable
from ledger.mongo import MongoLedger
from schemas.statuses import Lane

PROBE_SECONDS = 3.0
ANSWER_SECONDS = 6.0
"""How long a stop leaves the calls to providers that have begun for their answers."""
DRAIN_SECONDS = 7.5
"""How long a stop waits for the chunks in hand: for the answers, then to log, publish and put back."""
CANCEL_SECONDS = 0.5
"""Maximum time that the loops may take to end after the chunks in hand, in seconds."""
CLOSE_SECONDS = 1.5
"""How long the connections may take to close, all at the same time."""

T = TypeVar("T")


class NotReadyToStart(Exception):  # noqa: N818  # says what to do, and is shown as it is
    """Topics or indexes are missing."""


class CannotListen(Exception):  # noqa: N818  # likewise
    """The address of health, readiness and metrics is taken, or is none of this machine's."""


class Wedged(Exception):  # noqa: N818  # likewise
    """Nothing can be published any more, though Kafka answers: a new process can."""


class Loops(NamedTuple):
    """What has to be at work as long as the process is."""

    sweeper: asyncio.Task[None]
    serving: asyncio.Task[None]


@dataclass(slots=True)
class Service:
    """One consumer process."""

    settings: ConsumerSettings
    tools: Tools
    bus: KafkaBus
    ledger: MongoLedger
    slots: dict[Kind, Slots]
    sweep_slots: dict[Kind, Slots]
    wedged: str | None = None
    """Why this process had to stop by itself."""


async def serve(service: Service) -> None:
    """Run until asked to stop, which then takes less than ten seconds whatever is away or hangs."""
    settings, tools = service.settings, service.tools
    host, port = settings.consumer_http_host, settings.consumer_http_port
    try:
        health = await start_health(host, port, tools.progress, tools.metrics)
    except OSError as error:
        await _close(service)
        raise CannotListen(error.strerror) from None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tools.stopping.set)
    try:
        cluster = await _unless_stopped(_wait_for_stack(service), tools.stopping)
        if cluster is not None:
            await _work(service, cluster)
    finally:
        await _close(service)
        await health.cleanup()
    if service.wedged:
        raise Wedged(service.wedged)


async def _unless_stopped(starting: Coroutine[Any, Any, T], stopping: asyncio.Event) -> T | None:
    """Return what was awaited, or None when the process is asked to stop before; then nothing of it runs on."""
    task, stop = asyncio.create_task(starting), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        stop.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_SECONDS)


async def _close(service: Service) -> None:
    closing = (service.bus.aclose(), service.tools.providers.aclose(), service.ledger.aclose())
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), CLOSE_SECONDS)


async def _work(service: Service, cluster: str) -> None:
    tools, progress = service.tools, service.tools.progress
    claimer = Claimer(tools)
    reading = Reading(tools)
    expansions = {topic: Expansions(cluster, reading, tools) for topic in service.settings.topics.intake}
    calls = Calls(claimer, service.slots, reading, tools)
    build = partial(build_faststream, service.settings, tools, expansions, calls)
    membership = Membership(build, expansions.values(), reading, tools)
    serving = asyncio.create_task(calls.run())
    # Not after the groups are joined: where a member died that takes as long as Kafka waits for a sign of it.
    sweeper = asyncio.create_task(Sweeper(tools, claimer, service.sweep_slots, service.slots).run())
    loops = Loops(sweeper, serving)
    probe = asyncio.create_task(_probe(service, membership, loops))
    log.info("consumer joins its groups", process=tools.process)
    try:
        if await _unless_stopped(membership.join(), tools.stopping):
            progress.groups_joined()
            log.info("consumer is up", process=tools.process)
            await tools.stopping.wait()
    finally:  # also after an error: the ledger is closed next, and nothing may work with it then
        await _end(service, membership, (*loops, probe))


async def _end(service: Service, membership: Membership, tasks: Collection[asyncio.Task[None]]) -> None:
    """Leave the groups, finish the chunks in hand, and end the tasks."""
    tools, progress = service.tools, service.tools.progress
    asked_at = tools.monotonic()
    log.info("consumer is stopping")
    tools.stopping.set()
    progress.stop_began()
    tools.caller.close()
    tools.providers.stop(ANSWER_SECONDS)
    every = (*service.slots.values(), *service.sweep_slots.values())
    await asyncio.gather(membership.leave(), *(slots.drain(DRAIN_SECONDS) for slots in every))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
    log.info("consumer has stopped", seconds=round(tools.monotonic() - asked_at, 1))


async def _wait_for_stack(service: Service) -> str | None:
    """The cluster id once ledger and bus answer and are set up; None when asked to stop before."""
    tools, ledger_is_up, bus_is_up = service.tools, False, False
    while not tools.stopping.is_set():
        try:
            if not ledger_is_up:
                await service.ledger.ping()
                await service.ledger.check()
                tools.progress.ledger_answered()
                ledger_is_up = True
            if not bus_is_up:  # a second start would leave the sender of the first one running
                await service.bus.start()
                bus_is_up = True
            missing = await service.bus.missing_topics()
            tools.progress.bus_answered()
            if missing:
                raise NotReadyToStart(f"Kafka lacks the topics {', '.join(missing)}: run `rollcall setup`")
            return await service.bus.cluster_id()
        except (LedgerUnavailable, BusUnavailable) as error:
            variable = "ROLLCALL_MONGO_URL" if isinstance(error, LedgerUnavailable) else "ROLLCALL_KAFKA_BOOTSTRAP"
            log.warning("waiting for the stack", variable=variable, because=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(tools.stopping.wait(), 1.0)
    return None


async def _probe(service: Service, membership: Membership, loops: Loops) -> None:
    """Ask Kafka now and then, and look at all that should be at work, for readiness; stop where it is hopeless."""
    while True:
        try:
            await _look(service, membership.broker, loops)
        except Exception as error:  # noqa: BLE001  # another version of the clients; Kafka must be asked all the same
            log.error("what is at work cannot be looked at", error=type(error).__name__, where=where(error))
        await asyncio.sleep(PROBE_SECONDS)


async def _look(service: Service, broker: KafkaBroker, loops: Loops) -> None:
    tools, bus, progress = service.tools, service.bus, service.tools.progress
    with contextlib.suppress(BusUnavailable):
        await bus.ping()
        progress.bus_answered()
    progress.update_loops(
        can_publish=bus.publishes,
        sweeper_running=not loops.sweeper.done(),
        wake_ups_running=not loops.serving.done(),
    )
    for lane in Lane:
        every = (*service.slots.items(), *service.sweep_slots.items())
        progress.in_hand(lane, some=any(slots.taken for (its_lane, _), slots in every if its_lane is lane))
    if not tools.stopping.is_set() and (why := bus.given_up()):
        log.error("consumer ends, to be started anew", because=why)
        service.wedged = why
        tools.stopping.set()
    progress.heard(subscription_troubles(broker, progress, time.time()))
