"""The two sides as processes: one consumer of the product, and the ceiling; each has its own topics and database."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.ceiling_main import READY
from bench.workload import Order
from devstack import Stack
from devstack.processes import Child, wait_until_ready
from devstack.services import ready_url, run, service_env, start_service

SIDES = ("product", "ceiling")
_READY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Side:
    """A side of the comparison, ready to be started afresh for each run."""

    name: str
    stack: Stack
    folder: Path
    partitions: int

    @property
    def prefix(self) -> str:
        """Its topics' prefix."""
        return f"bench.{self.name}"

    def database(self, number: int) -> str:
        """Its database in a run."""
        return f"bench_{self.name}_{number}"

    @contextlib.contextmanager
    def started(self, number: int, orders: Sequence[Order]) -> Iterator[Child]:
        """One process of this side, ready for these orders; topics and indexes are set up first, as for the product."""
        env = service_env(self.stack, TOPIC_PREFIX=self.prefix, MONGO_DATABASE=self.database(number))
        log = self.folder / f"{self.name}-{number}.log"
        run(["rollcall", "setup", "--partitions", str(self.partitions)], env, log=log)
        if self.name == "product":
            with start_service(["rollcall", "consumer"], env, ready_url(env, "consumer"), log=log) as child:
                yield child
            return
        given = [f"{order.request_id}:{order.recipients}" for order in orders]
        where = [self.stack.kafka_bootstrap, self.stack.mongo_url, self.prefix, self.database(number)]
        with start_service([sys.executable, "-m", "bench.ceiling_main", *where, *given], env, log=log) as child:
            wait_until_ready(
                child, lambda: READY in log.read_text(), what="the ceiling", deadline_seconds=_READY_SECONDS
            )
            yield child


def peak_mib(child: Child) -> float:
    """The largest resident set that a process has had, MiB; NaN where the system does not tell."""
    try:
        lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))
