"""MongoDB as a process on this machine: one mongod that is a replica set of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from devstack.errors import StackError
from devstack.packages import INSTALL_LIBRARIES, mongod
from devstack.processes import answers
from devstack.server import LocalServer

REPLICA_SET = "rs0"


class LocalMongo(LocalServer):
    """Process mongod with its data in `folder`. After `stop` or `kill` it starts again with the same port and data."""

    def __init__(self, folder: Path, *, cache_gb: float = 1, parameters: Sequence[str] = ()) -> None:
        super().__init__("mongod", folder)
        self._cache_gb, self._parameters = cache_gb, ("diagnosticDataCollectionEnabled=false", *parameters)

    @property
    def member(self) -> str:
        """Return its name in a replica set, host:port."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """Return the connection string for clients."""
        return f"mongodb://{self.member}/?replicaSet={REPLICA_SET}"

    def launch(self) -> None:
        """Start mongod without waiting."""
        package = mongod()
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        place = ["--dbpath", str(data), "--port", str(self._port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
        size = ["--wiredTigerCacheSizeGB", str(self._cache_gb), "--oplogSize", "1024"]
        parameters = [word for parameter in self._parameters for word in ("--setParameter", parameter)]
        self._run(
            [package / "mongod", "--replSet", REPLICA_SET, *place, *size, "--quiet", *parameters],
            env={"LD_LIBRARY_PATH": str(package), "LC_ALL": "C"},
        )

    def wait(self) -> None:
        """Wait until it is primary. Initiate the replica set the first time."""
        self.wait_listening()
        with direct_client(f"mongodb://{self.member}") as client:
            self._wait_until(lambda: is_primary(client, self.member))

    def wait_listening(self) -> None:
        """Wait until it accepts connections, as a member of any replica set."""
        try:
            self._wait_until(lambda: answers(self._port))
        except StackError as error:
            fix = INSTALL_LIBRARIES if "shared libraries" in error.what else error.fix
            raise StackError(error.what, fix) from None


def direct_client(url: str) -> MongoClient[dict[str, Any]]:
    """Return a client of this one server, in any replica set or none."""
    return MongoClient(url, directConnection=True, serverSelectionTimeoutMS=1000)


def is_primary(client: MongoClient[dict[str, Any]], member: str) -> bool:
    """Return whether this server accepts writes. Initiate a replica set with `member` if it has none.

    An error means "not yet". A server that restarts refuses a second initiation.
    """
    try:
        hello = client.admin.command("hello")
        if not hello.get("setName"):
            members = [{"_id": 0, "host": member}]
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        return bool(hello.get("isWritablePrimary"))
    except PyMongoError:
        return False
