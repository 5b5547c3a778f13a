"""A rollcall of its own on the shared stack: topics, database and processes under names that nobody else uses."""

import contextlib
import itertools
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database
from typer.testing import Result

from config.settings import parse_sealing_keys
from core.ids import chunk_id
from devstack import Stack
from devstack.processes import Child, free_port
from devstack.services import await_ready, service_env, start_service
from ledger.sealing import Sealer
from schemas.topic_definitions import Topics
from tests.support.cli_runner import run_rollcall, run_rollcall_process

Document = dict[str, Any]
NO_RATE_LIMITS = {"HTTP_TOKEN_CALLS_PER_SECOND": 0, "HTTP_TENANT_CALLS_PER_SECOND": 0}
"""Settings for tests that make many calls with one token."""

_PORTS = {"consumer": "ROLLCALL_CONSUMER_HTTP_PORT", "producer": "ROLLCALL_HTTP_PORT"}


@dataclass
class Service:
    """A running `rollcall consumer` or `rollcall producer`."""

    child: Child
    url: str
    """Where it answers over HTTP."""

    def said(self) -> str:
        assert self.child.log is not None
        return self.child.log.read_text(errors="replace")


@dataclass
class Deployment:
    """The environment of the services, and what a test sees of them from outside."""

    env: dict[str, str]
    folder: Path
    database: Database[Document]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def topics(self) -> Topics:
        return Topics(self.env["ROLLCALL_TOPIC_PREFIX"])

    @property
    def bootstrap(self) -> str:
        return self.env["ROLLCALL_KAFKA_BOOTSTRAP"]

    @property
    def sealer(self) -> Sealer:
        return Sealer(parse_sealing_keys(SecretStr(self.env["ROLLCALL_SEALING_KEYS"])))

    def setup(self) -> None:
        """Create topics and indexes."""
        done = self.rollcall("setup", "--partitions", "4")
        assert done.exit_code == 0, done.output

    @contextlib.contextmanager
    def service(self, name: str, *, ready: bool = True) -> Iterator[Service]:
        """Start one, wait until it is ready unless told not to, and end it with the block."""
        port = free_port()
        log = self.folder / f"{name}-{next(self._numbers)}.log"
        with start_service(["rollcall", name], {**self.env, _PORTS[name]: str(port)}, log=log) as child:
            service = Service(child, f"http://127.0.0.1:{port}")
            if ready:
                await_ready(child, f"{service.url}/readyz")
            yield service

    def rollcall(self, *args: str, stdin: str | None = None, **changes: str) -> Result:
        """Run the command in a thread of this process with the environment of the services, and changes to it.

        The event loop of the command would not run in a thread that has one. The caller is blocked until the end.
        """
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run_rollcall, *args, stdin=stdin, **{**self.env, **changes}).result()

    def rollcall_process(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command in its own process with the environment of the services."""
        return run_rollcall_process(*args, env=self.env, stdin=stdin)

    def chunks(self, **query: Any) -> list[Document]:
        """Return the matching chunks, with those in the documents of small requests, each with its id and request."""
        small = {"open": {"$exists": True}, **query}
        if "request" in small:
            small["_id"] = small.pop("request")
        found = list(self.database["chunks"].find(query))
        for document in self.database["requests"].find(small):
            key = document["_id"]
            found.append({**document, "_id": chunk_id(key, 0, 0), "request": key})
        return found

    def said(self) -> bytes:
        """Return all output of the services of this deployment."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("*.log")))


@contextlib.contextmanager
def a_deployment(stack: Stack, folder: Path, *, setup: bool = True, **settings: object) -> Iterator[Deployment]:
    """Topics and indexes under fresh names; settings as `devstack.services.service_env` takes them."""
    name = f"house-{uuid4().hex[:8]}"
    env = service_env(stack, **{"TOPIC_PREFIX": name, "MONGO_DATABASE": name, **settings})
    with MongoClient[Document](stack.mongo_url, tz_aware=True) as client:
        deployment = Deployment(env, folder, client[name])
        if setup:
            deployment.setup()
        yield deployment


def peak_memory_kb(service: Service) -> int:
    """Return the most memory that a running service has had."""
    lines = Path(f"/proc/{service.child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
