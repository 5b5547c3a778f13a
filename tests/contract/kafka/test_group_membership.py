"""A consumer that loses Kafka before it joins its groups waits for it. The tests use a real Kafka and MongoDB."""

import asyncio
import contextlib
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import pytest
from aiokafka.admin import NewTopic
from structlog.testing import capture_logs
from structlog.typing import EventDict

from consumer.app import build_app
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.group_membership import GroupMembership
from consumer.kafka.kafka_bus import KafkaBus
from consumer.service import ConsumerService, _probe, run_service
from consumer.settings import ConsumerSettings
from consumer.sweep.sweeper import Sweeper
from devstack import Stack
from devstack.processes import free_port
from ledger.mongo import MongoLedger
from schemas.topic_definitions import Topics
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until
from tests.torture.proxy import NetworkConditions, Proxy

AWAY, THERE = NetworkConditions(cut_chance=1.0), NetworkConditions()
AT_WORK = {work.__qualname__ for work in (Sweeper.run, WakeUpQueue.run, GroupMembership._join, _probe)}
"""Names of the coroutines that work with the ledger or with Kafka."""


class VanishingBus(KafkaBus):
    """A bus whose Kafka becomes unavailable right after it returned the cluster id."""

    def __init__(self, settings: ConsumerSettings, proxy: Proxy) -> None:
        super().__init__(settings)
        self._proxy, self.running_at_close = proxy, set[str]()

    async def cluster_id(self) -> str:
        cluster = await super().cluster_id()
        self._proxy.weather = AWAY
        return cluster

    async def aclose(self) -> None:
        """Record the coroutines that still run when the service closes this bus and the ledger."""
        self.running_at_close = running()
        await super().aclose()


def running() -> set[str]:
    return {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()} & AT_WORK


@dataclass(frozen=True)
class Started:
    """A consumer that lost its Kafka while it started."""

    service: ConsumerService
    bus: VanishingBus
    proxy: Proxy
    serving: asyncio.Task[None]
    lines: list[EventDict]

    def waits(self) -> bool:
        return any(line["event"] == "waiting for the stack" for line in self.lines)

    async def stop(self) -> None:
        self.service.context.stopping.set()
        async with asyncio.timeout(20):
            await self.serving


@pytest.fixture
def proxy(kafka_stack: Stack) -> Iterator[Proxy]:
    with Proxy(int(kafka_stack.kafka_bootstrap.rpartition(":")[2]), seed=1).running() as proxy:
        yield proxy


@pytest.fixture
async def settings(stack: Stack, proxy: Proxy) -> ConsumerSettings:
    topics = Topics(f"joining-{uuid.uuid4().hex[:8]}")
    await create_topics(stack.kafka_bootstrap, *(NewTopic(spec.name, 1, 1) for spec in topics.specs()))
    ledger = await MongoLedger.connect(stack.mongo_url, topics.prefix)
    await ledger.setup()
    await ledger.aclose()
    return ConsumerSettings(
        kafka_bootstrap=proxy.address,
        mongo_url=stack.mongo_url,
        mongo_database=topics.prefix,
        topic_prefix=topics.prefix,
        sealing_keys="k1:" + "QUFB" * 10 + "QUE=",
        providers=[{"name": "sim", "kind": "simulator", "channel": "sms"}],
        consumer_http_port=free_port(),
    )


@pytest.fixture
async def started(settings: ConsumerSettings, proxy: Proxy) -> AsyncIterator[Started]:
    service = await build_app(settings)
    await service.bus.aclose()
    service.bus = bus = VanishingBus(settings, proxy)
    service.context = replace(service.context, bus=bus)
    with capture_logs() as lines:
        serving = asyncio.create_task(run_service(service))
        started = Started(service, bus, proxy, serving, lines)
        try:
            await wait_until(lambda: started.waits() or serving.done(), seconds=20)
            yield started
        finally:
            service.context.stopping.set()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await serving
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_consumer_that_loses_kafka_while_it_joins_waits_and_then_joins(started: Started) -> None:
    assert not started.serving.done()
    assert not started.service.context.readiness.subscribed
    started.proxy.weather = THERE
    await wait_until(lambda: started.service.context.readiness.subscribed or started.serving.done(), seconds=20)
    await started.stop()
    assert started.bus.running_at_close == set()


async def test_a_consumer_that_is_stopped_while_it_waits_closes_the_ledger_last(started: Started) -> None:
    await started.stop()
    assert started.bus.running_at_close == set()
    assert not running()


async def test_a_consumer_that_ends_without_a_stop_closes_the_ledger_last_too(started: Started) -> None:
    started.serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await started.serving
    assert started.bus.running_at_close == set()
