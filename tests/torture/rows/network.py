"""Row 19: the network between the services and their servers, slow, lossy and silent."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from devstack import LocalMongo, Stack
from tests.torture.outage import CONSUMERS, books_after_outage, outage_seconds, ruin_amid
from tests.torture.proxy import NetworkConditions, Proxy
from tests.torture.reconciliation import Reconciliation
from tests.torture.row_registry import row
from tests.torture.servers import KafkaBehind, stack_of, started
from tests.torture.world import Round

SLOW = NetworkConditions(delay_seconds=0.2)
LOSSY = NetworkConditions(delay_seconds=0.01, cut_chance=0.004, hang_chance=0.002)
SILENT = NetworkConditions(silent=True)


@dataclass(frozen=True)
class Network:
    """Two servers, each behind a proxy that the services take, and nobody else."""

    stack: Stack
    """Without the proxies."""
    proxies: tuple[Proxy, Proxy]

    @property
    def settings(self) -> dict[str, object]:
        """Of a service that lives behind it."""
        kafka, mongo = self.proxies
        # Only the proxy is known to such a client: a member of a replica set would name itself by its own address.
        return {
            "KAFKA_BOOTSTRAP": kafka.address,
            "MONGO_URL": f"mongodb://{mongo.address}/?directConnection=true",
        }

    def turn(self, weather: NetworkConditions) -> None:
        for proxy in self.proxies:
            proxy.weather = weather

    async def weather(self, weather: NetworkConditions, seconds: float) -> None:
        """For so long."""
        self.turn(weather)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.turn(NetworkConditions())


@contextmanager
def a_network(round_: Round) -> Iterator[Network]:
    """Servers of its own, which nobody kills."""
    kafka, mongo = KafkaBehind(round_.folder / "kafka"), LocalMongo(round_.folder / "mongo")
    to_kafka = Proxy(kafka.door, round_.rng.getrandbits(32))
    to_mongo = Proxy(mongo.port, round_.rng.getrandbits(32))
    kafka.door_named = to_kafka.port
    with started(kafka, mongo), to_kafka.running(), to_mongo.running():
        yield Network(stack_of(kafka, mongo.url), (to_kafka, to_mongo))


@row(19, "the network slow (200 ms), lossy, and cut for 30 s", "lost 0; with mark_unknown duplicates 0, as row 1")
async def bad_network(round_: Round) -> Reconciliation:
    length = outage_seconds(round_) / 2
    with a_network(round_) as network:
        async with round_.world(stack=network.stack) as world:
            await world.consumers(CONSUMERS, **network.settings)
            for weather in (SLOW, LOSSY, SILENT):
                await ruin_amid(world, round_.recipients // 3, lambda: network.weather(weather, length))  # noqa: B023
            return await books_after_outage(world)
