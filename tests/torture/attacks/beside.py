"""A world in which attacks run beside the good tenant, in a process of their own."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from aiokafka.admin import NewTopic

from devstack.processes import Child, answers, free_port, wait_until_ready
from tests.support.kafka_topics import create_topics
from tests.torture.attacks.hostile_tenant import ATTACKING, COUNTS, EACH_MADE
from tests.torture.good_tenant import GoodResults, GoodTenant
from tests.torture.reconciliation import Reconciliation
from tests.torture.world import SETTINGS, Round, World

CONSUMERS = 2
PROVIDER_SECONDS = 10.0
"""The default time-out of a provider. A busy machine must not make a delivery unknown."""
MAIL_SECONDS = 0.3
"""The mail provider takes each mail so late."""


@dataclass
class HostileWorld:
    """A world, its good tenant, and what the hostile one met."""

    world: World
    good: GoodTenant
    counts: Counter[str] = field(default_factory=Counter)
    attacks: int = 0

    @asynccontextmanager
    async def attacked_by(self, names: Sequence[str]) -> AsyncIterator[None]:
        """Repeat these attacks at the same time while the block runs, and until each was made once."""
        self.attacks += 1
        seed = str(self.world.round_.rng.getrandbits(32))
        log = self.world.round_.folder / f"attacks-{self.attacks}.log"
        env = {**self.world.deployment.env, "REFUSING_TOPIC": _refusing_topic(self.world)}
        command = [sys.executable, "-m", "tests.torture.attacks", self.good.producer.url, seed, *names]
        child = Child(command, log=log, env=env)
        try:
            await asyncio.to_thread(_wait_for_line, child, log, ATTACKING)
            yield
            await asyncio.to_thread(_wait_for_line, child, log, EACH_MADE)
        finally:
            await asyncio.to_thread(child.stop, 30)
        (counts,) = [line for line in log.read_text().splitlines() if line.startswith(COUNTS)]
        self.counts.update(json.loads(counts.removeprefix(COUNTS)))

    async def books(self) -> Reconciliation:
        """The books of the good tenant alone."""
        await self.world.settled()
        keys = {order.key for order in self.world.orders_published}
        taken = [delivery for delivery in self.world.provider.accepted() if delivery[4:30] in keys]
        return await self.world.books(accepted=taken)

    def memory_mb(self) -> dict[str, int]:
        """The largest memory that each service had, in MB."""
        return {name: _most_mb(pid) for name, pid in self._pids().items()}

    def cpu_seconds(self) -> dict[str, float]:
        """The processor time that each service has used."""
        return {name: _cpu_seconds(pid) for name, pid in self._pids().items()}

    def _pids(self) -> dict[str, int]:
        children = enumerate(service.child for service in self.world.services)
        return {f"{child.name.split()[-1]}-{number}": child.pid for number, child in children}


@asynccontextmanager
async def hostile_world(round_: Round) -> AsyncIterator[HostileWorld]:
    """Services with their default settings, a slow mail provider, and a reply topic that refuses every event."""
    port, log = free_port(), round_.folder / "mail-server.log"
    command = [sys.executable, "-m", "tests.torture.attacks.slow_mail_server", str(port), str(MAIL_SECONDS)]
    mail_server = Child(command, log=log)
    mail = {
        "name": "mail",
        "kind": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "sender": "us@example.org",
    }
    try:
        wait_until_ready(mail_server, lambda: answers(port), what="the mail server", deadline_seconds=30)
        defaults = dict.fromkeys(SETTINGS)
        async with round_.world(
            **defaults, timeout_seconds=PROVIDER_SECONDS, REPLY_TOPICS="replies.*", mail=mail, results=GoodResults
        ) as world:
            refusing = {"message.timestamp.before.max.ms": "0"}
            topic = NewTopic(_refusing_topic(world), 1, 1, topic_configs=refusing)
            _, producer, _ = await asyncio.gather(
                world.consumers(CONSUMERS),
                world.start("producer"),
                create_topics(world.deployment.bootstrap, topic),
            )
            good = GoodTenant(world, producer, cast("GoodResults", world.results))
            yield HostileWorld(world, good)
    finally:
        mail_server.stop()


def _wait_for_line(child: Child, log: Path, line: str) -> None:
    wait_until_ready(child, lambda: line in log.read_text(), what="the attacks", deadline_seconds=60)


def _refusing_topic(world: World) -> str:
    return f"replies.{world.deployment.topics.prefix}"


def _most_mb(pid: int) -> int:
    """VmHWM of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)


def _cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
