"""Servers that are killed, frozen, put behind a network, or told to refuse: never those that other tests share."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from devstack import LocalKafka, LocalMongo, Stack, StackError
from devstack.kafka_cluster import KafkaCluster
from devstack.mongo import REPLICA_SET, direct_client
from devstack.processes import free_port
from devstack.server import LocalServer
from tests.support.polling import wait_until_sync

TEST_COMMANDS = "enableTestCommands=1"
SMALL_CACHE_GB = 0.25
MEMBERS = 3
ELECTION_MS = 3_000
_SET_SECONDS = 60


class KafkaBehind(LocalKafka):
    """A Kafka with a second door, which names itself by the port of a proxy."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.door = free_port()
        self.door_named = 0
        """The proxy's port; to be set before the start."""

    def _properties(self) -> str:
        doors = f"PLAINTEXT://127.0.0.1:{self._port},PROXIED://127.0.0.1"
        return super()._properties() + "\n".join(
            [
                f"listeners={doors}:{self.door},CONTROLLER://127.0.0.1:{self._controller_port}",
                f"advertised.listeners={doors}:{self.door_named}",
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name=PLAINTEXT",
                "",
            ]
        )


class ReplicaSet:
    """Three mongods that elect a primary."""

    def __init__(self, folder: Path) -> None:
        self._members = [LocalMongo(folder / f"member-{number}", cache_gb=SMALL_CACHE_GB) for number in range(MEMBERS)]

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(member.member for member in self._members)}/?replicaSet={REPLICA_SET}"

    def start(self) -> None:
        for member in self._members:
            member.launch()
        for member in self._members:
            member.wait_listening()
        named = [{"_id": number, "host": member.member} for number, member in enumerate(self._members)]
        settings = {"electionTimeoutMillis": ELECTION_MS}
        with direct_client(f"mongodb://{self._members[0].member}") as client:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": named, "settings": settings})
        self.primary()

    def primary(self, *, but: LocalMongo | None = None) -> LocalMongo:
        """Wait until a member, not this one, takes writes."""

        def leader() -> LocalMongo | None:
            return next((member for member in self._members if member is not but and _leads(member)), None)

        try:
            primary: LocalMongo = wait_until_sync(leader, _SET_SECONDS)
        except TimeoutError as error:
            raise StackError(f"the replica set has no primary after {_SET_SECONDS} s") from error
        return primary

    def kill(self) -> None:
        for member in self._members:
            member.kill()


def _leads(member: LocalMongo) -> bool:
    try:
        with MongoClient[dict[str, Any]](
            f"mongodb://{member.member}", directConnection=True, serverSelectionTimeoutMS=500, socketTimeoutMS=500
        ) as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


def stack_of(kafka: LocalKafka | KafkaCluster, mongo_url: str) -> Stack:
    return Stack(kafka.bootstrap, mongo_url, "local", durable=True, note="")


@contextmanager
def started(*servers: LocalServer | ReplicaSet | KafkaCluster) -> Iterator[None]:
    """Started at once, and killed at the end: their data goes too."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # whoever reads the results complains while they are away
    with ExitStack() as held:
        for server in servers:
            held.callback(server.kill)
        for server in servers:
            if isinstance(server, LocalServer):
                server.launch()
        for server in servers:
            server.wait() if isinstance(server, LocalServer) else server.start()
        yield


async def away(server: LocalServer, seconds: float) -> None:
    """Killed, and started again on the same port and data after so many seconds; the event loop goes on meanwhile."""
    server.kill()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)


async def frozen(server: LocalServer, seconds: float) -> None:
    """Stopped without a word for so many seconds; then it goes on as if nothing had been."""
    server.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        with contextlib.suppress(StackError):
            server.signal(signal.SIGCONT)


@contextmanager
def refusing(mongo: LocalMongo, code: int, commands: Sequence[str]) -> Iterator[None]:
    """The services' commands of these names are answered with an error of this code while the block runs."""
    point = {"errorCode": code, "failCommands": list(commands), "appName": "rollcall"}
    with direct_client(f"mongodb://{mongo.member}") as client:
        client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=point)
        try:
            yield
        finally:
            client.admin.command("configureFailPoint", "failCommand", mode="off")
