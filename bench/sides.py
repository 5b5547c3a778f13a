"""Two sides of the comparison as processes: one consumer of the product, and the ceiling.

Each run of a side has its own topics and database.
"""

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


PARTITIONS = 12
"""Partitions of each topic."""


@dataclass(frozen=True, slots=True)
class Side:
    """Side of the comparison in one run, with topics and a database of its own."""

    name: str
    stack: Stack
    folder: Path
    run_name: str

    @property
    def prefix(self) -> str:
        """Return the prefix of its topics, which is the name of its database as well."""
        return f"{self.run_name}-{self.name}"

    @contextlib.contextmanager
    def started(self, orders: Sequence[Order]) -> Iterator[Child]:
        """Start a process of this side, ready for these requests. Topics and indexes are set up first."""
        env = service_env(self.stack, TOPIC_PREFIX=self.prefix, MONGO_DATABASE=self.prefix)
        log = self.folder / f"{self.name}.log"
        run(["rollcall", "setup", "--partitions", str(PARTITIONS)], env, log=log)
        if self.name == "product":
            with start_service(["rollcall", "consumer"], env, ready_url(env, "consumer"), log=log) as child:
                yield child
            return
        arguments = [f"{order.request_id}:{order.recipients}" for order in orders]
        addresses = [self.stack.kafka_bootstrap, self.stack.mongo_url, self.prefix, self.prefix]
        with start_service([sys.executable, "-m", "bench.ceiling_main", *addresses, *arguments], env, log=log) as child:
            wait_until_ready(
                child, lambda: READY in log.read_text(), what="the ceiling", deadline_seconds=_READY_SECONDS
            )
            yield child


def peak_mib(child: Child) -> float:
    """Return the peak resident set of a process, in MiB. Return NaN if the system does not provide it."""
    try:
        lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))
