"""The consumer's composition root: what is real is made here and handed in; nothing connects at import."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import uvloop
from faststream.kafka import KafkaBroker

from consumer.bus import BusUnavailable
from consumer.calling import Caller
from consumer.deliver import Claimer
from consumer.garbage import collect_rarely
from consumer.health import start_health
from consumer.hearing import subscription_troubles
from consumer.kafka_bus import KafkaBus
from consumer.metrics import Metrics
from consumer.progress import Progress
from consumer.requests import RequestCache
from consumer.retention import days
from consumer.settings import ConsumerSettings
from consumer.slots import Slots
from consumer.subscribers import build_faststream
from consumer.sweep import Sweeper
from consumer.tools import Limits, Tools, log, where
from consumer.watched import with_failpoint
from core.retry import RetryPolicy
from ledger.errors import BadAddress, LedgerNotReady, LedgerUnavailable
from ledger.mongo import MongoLedger
from ledger.sealing import Sealer
from providers.registry import build_providers
from providers.settings import ProviderEntry
from schemas.logs import configure_logging
from schemas.settings import parse_sealing_keys
from schemas.statuses import Lane

SWEEP_SLOTS = 4
"""Slots kept for what the sweeper finds, a lane."""
PROBE_SECONDS = 3.0
DRAIN_SECONDS = 8.0


class NotReadyToStart(Exception):  # noqa: N818  # says what to do, and is shown as it is
    """Topics or indexes are missing."""


class CannotListen(Exception):  # noqa: N818  # likewise
    """The address of health, readiness and metrics is taken, or is none of this machine's."""


@dataclass(slots=True)
class Service:
    """One consumer process."""

    settings: ConsumerSettings
    tools: Tools
    bus: KafkaBus
    ledger: MongoLedger
    slots: dict[Lane, Slots]
    sweep_slots: dict[Lane, Slots]


async def build_app(settings: ConsumerSettings) -> Service:
    """Wire the real parts; connects nothing yet."""
    url = settings.mongo_url.get_secret_value()
    ledger, bus, metrics = await MongoLedger.connect(url, settings.mongo_database), KafkaBus(settings), Metrics()
    tools = Tools(
        process=f"{socket.gethostname()}-{os.getpid()}-{random.randbytes(3).hex()}",  # noqa: S311  # a name
        ledger=ledger,
        bus=bus,
        providers=build_providers(settings.entries),
        sealer=Sealer(parse_sealing_keys(settings.sealing_keys)),
        topics=settings.topics,
        limits=_limits(settings),
        metrics=metrics,
        progress=Progress(time.monotonic, max((_longest_call(entry) for entry in settings.entries), default=0.0)),
        requests=RequestCache(),
        caller=Caller(metrics, time.monotonic, asyncio.sleep),
        monotonic=time.monotonic,
        random=random.random,
    )
    return Service(
        settings=settings,
        tools=with_failpoint(tools, settings.failpoint) if settings.failpoint else tools,
        bus=bus,
        ledger=ledger,
        slots={lane: Slots(settings.max_chunks_in_flight) for lane in Lane},
        sweep_slots={lane: Slots(SWEEP_SLOTS) for lane in Lane},
    )


def _longest_call(entry: ProviderEntry) -> float:
    """How long a provider may keep one delivery: its time-out, and the wait for its turn, in seconds."""
    return entry.timeout_seconds + (1 / entry.rate_per_second if entry.rate_per_second else 0.0)


def _limits(settings: ConsumerSettings) -> Limits:
    return Limits(
        chunk_size=settings.chunk_size,
        window_size=settings.window_size,
        lease_seconds=settings.lease_seconds,
        retry=RetryPolicy(settings.max_attempts, timedelta(seconds=settings.max_age_seconds)),
        part_timeout_seconds=settings.part_timeout_seconds,
        default_region=settings.default_region,
        reply_topics=settings.reply_topics,
        addresses_kept=days(settings.address_retention_days),
        requests_kept=days(settings.log_retention_days),
    )


async def serve(service: Service) -> None:
    """Run until asked to stop: health first, then wait for the stack, then take work."""
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
        working, stop = asyncio.create_task(_work(service)), asyncio.create_task(tools.stopping.wait())
        await asyncio.wait({working, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():  # asked to stop: what is under way ends by itself, what only waits does not
            await asyncio.wait({working}, timeout=DRAIN_SECONDS + 10)
        stop.cancel()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
    finally:
        await _close(service)
        await health.cleanup()


async def _close(service: Service) -> None:
    await service.bus.aclose()
    await service.tools.providers.aclose()
    await service.ledger.aclose()


async def _work(service: Service) -> None:
    tools, progress = service.tools, service.tools.progress
    cluster = await _wait_for_stack(service)
    if cluster is None:
        return
    app, broker = build_faststream(service.settings, tools, service.slots, cluster)
    await app.start()
    progress.subscribed = True
    log.info("consumer is up", process=tools.process)
    sweeper = asyncio.create_task(Sweeper(tools, Claimer(tools), service.sweep_slots).run())
    probe = asyncio.create_task(_probe(service, broker))
    await tools.stopping.wait()
    log.info("consumer is stopping")
    progress.subscribed = False
    probe.cancel()
    tools.caller.close()
    every = (*service.slots.values(), *service.sweep_slots.values())
    await asyncio.gather(*(slots.drain(DRAIN_SECONDS) for slots in every))
    sweeper.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(app.stop(), DRAIN_SECONDS)
    log.info("consumer has stopped")


async def _wait_for_stack(service: Service) -> str | None:
    """The cluster id once ledger and bus answer and are set up; None when asked to stop before."""
    tools, ledger_is_up = service.tools, False
    while not tools.stopping.is_set():
        try:
            if not ledger_is_up:
                await service.ledger.ping()
                await service.ledger.check()
                tools.progress.ledger_answered()
                ledger_is_up = True
            await service.bus.start()
            tools.progress.bus_answered()
            if missing := await service.bus.missing_topics():
                raise NotReadyToStart(f"Kafka lacks the topics {', '.join(missing)}: run `rollcall setup`")
            return await service.bus.cluster_id()
        except (LedgerUnavailable, BusUnavailable) as error:
            variable = "ROLLCALL_MONGO_URL" if isinstance(error, LedgerUnavailable) else "ROLLCALL_KAFKA_BOOTSTRAP"
            log.warning("waiting for the stack", variable=variable, because=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(tools.stopping.wait(), 1.0)
    return None


async def _probe(service: Service, broker: KafkaBroker) -> None:
    """Ask Kafka now and then, and look at the subscriptions, for readiness."""
    progress = service.tools.progress
    while True:
        with contextlib.suppress(BusUnavailable):
            await service.bus.ping()
            progress.bus_answered()
        try:
            progress.heard(subscription_troubles(broker, progress, time.time()))
        except Exception as error:  # noqa: BLE001  # another version of the clients; Kafka must be asked all the same
            log.error("the subscriptions cannot be looked at", error=type(error).__name__, where=where(error))
        await asyncio.sleep(PROBE_SECONDS)


def run(settings: ConsumerSettings) -> None:
    """Run one consumer process; SystemExit with a line that says why: 2 a bad address, 3 topics or indexes missing."""
    configure_logging()

    async def main() -> None:
        await serve(await build_app(settings))

    collect_rarely()
    try:
        uvloop.run(main())
    except BadAddress as error:
        _end(2, f"ROLLCALL_MONGO_URL: {error}")
    except (NotReadyToStart, LedgerNotReady) as error:
        _end(3, str(error))
    except CannotListen as error:
        _end(1, f"ROLLCALL_CONSUMER_HTTP_HOST, ROLLCALL_CONSUMER_HTTP_PORT: {error}")


def _end(code: int, why: str) -> NoReturn:
    sys.stderr.write(f"rollcall consumer: {why}\n")
    raise SystemExit(code)
