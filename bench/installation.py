"""Rollcall on the stack of a run: topics and a database of its own, and the consumers that a scenario starts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.scenario import Place
from devstack import Stack
from devstack.processes import Child, free_port
from devstack.services import await_ready, ready_url, run, service_env, start_service

PARTITIONS = 12
"""Partitions of each topic."""


class Installation:
    """Topics, indexes and settings of one side of a scenario. Its prefix is the name of its database as well."""

    def __init__(self, place: Place, side: str = "side", **settings: object) -> None:
        """Create topics and indexes. The settings are those of `service_env`. Raise StackError if that fails."""
        self.stack: Stack = place.stack
        self.prefix = f"{place.name}-{side}"
        self._folder: Path = place.folder
        self.env = service_env(self.stack, TOPIC_PREFIX=self.prefix, MONGO_DATABASE=self.prefix, **settings)
        run(["rollcall", "setup", "--partitions", str(PARTITIONS)], self.env, log=place.folder / "setup.log")

    @contextlib.contextmanager
    def consumer(self, number: int = 0) -> Iterator[Child]:
        """Start a consumer and wait until it is ready. `number` tells several of them apart."""
        with self.starting_consumer(number) as (child, url):
            await_ready(child, url)
            yield child

    @contextlib.contextmanager
    def starting_consumer(self, number: int = 0) -> Iterator[tuple[Child, str]]:
        """Start a consumer without waiting. Yield it with its readiness URL."""
        env = self.env | {"ROLLCALL_CONSUMER_HTTP_PORT": str(free_port())}
        with start_service(["rollcall", "consumer"], env, log=self._folder / f"{self.prefix}-{number}.log") as child:
            yield child, ready_url(env, "consumer")
