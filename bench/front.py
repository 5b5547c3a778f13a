"""Command ``python -m bench.front``: latency of small calls beside large ones, and memory of the HTTP service.

One caller sends small calls, one after the other, first alone and then while others repeatedly send bodies of 100,000
recipients. Both phases alternate within one process of the service, on one real Kafka. Each phase ends after a fixed
number of small calls. Beside large calls, it also waits for as many large answers as there are callers.
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from bench.processes import peak_mib
from cli.admin.development_token import issue_token
from devstack import StackError, start_stack
from devstack.processes import Child
from devstack.services import ready_url, service_env, set_up, start_service

LIMIT_RATIO = 3.0
LIMIT_MIB = 250.0
SECRET = "a secret of at least thirty-two bytes"  # of a service that runs for a minute
_WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Phase:
    """Latency of one phase, in milliseconds."""

    beside: int
    """Number of callers that sent large bodies meanwhile."""
    small: int
    large: int
    p50: float
    p99: float
    longest: float
    peak_mib: float
    """Peak memory of the service since its start."""


def a_body(recipients: int) -> bytes:
    """Return a body, each recipient with variables and a reference. With 100,000 recipients it has nearly 16 MiB."""
    each = [
        {
            "to": f"+86138{number:08}",
            "variables": {"name": f"Customer {number:06}", "code": f"{number * 7919 % 1_000_000:06}", "note": "x" * 24},
            "reference": f"order-{number:08}",
        }
        for number in range(recipients)
    ]
    return orjson.dumps({"channel": "sms", "content": "Hello {{name}}: {{code}} {{note}}", "recipients": each})


class Caller:
    """Caller that sends bodies and checks the answers."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/communication/bulk"
        self._small, self._large = a_body(1), a_body(100_000)

    async def small(self) -> float:
        """Make one small call. Return its milliseconds."""
        return await self._call(self._small, "tnt_bench")

    async def large(self, tenant_id: str) -> float:
        """Make one large call. Return its milliseconds."""
        return await self._call(self._large, tenant_id)

    async def _call(self, body: bytes, tenant_id: str) -> float:
        token = issue_token(SECRET, tenant_id, "usr_bench", ["communication:send"], 86_400)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        began = time.perf_counter()
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            content = await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"answered {answer.status}: {content[:300]!r}")
        return (time.perf_counter() - began) * 1000


async def measure(url: str, child: Child, rounds: int, calls: int, crowds: Sequence[int]) -> list[Phase]:
    """Measure all phases: per round one alone and one beside each number of large callers."""
    phases = []
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        caller = Caller(session, url)
        for _ in range(_WARM_UP):
            await caller.small()
        for _ in range(rounds):
            phases += [await _phase(caller, child, calls, beside) for beside in (0, *crowds)]
    return phases


async def _phase(caller: Caller, child: Child, calls: int, beside: int) -> Phase:
    answered, ending = 0, False

    async def send_large(number: int) -> None:
        nonlocal answered
        while not ending:
            await caller.large(f"tnt_large_{number}")  # the large bodies of one tenant are read one at a time
            answered += 1

    large = [asyncio.create_task(send_large(number)) for number in range(beside)]
    took: list[float] = []
    while len(took) < calls or answered < beside:
        took.append(await caller.small())
        if failed := next((task for task in large if task.done()), None):
            failed.result()
    ending = True
    await asyncio.gather(*large)
    cut = statistics.quantiles(took, n=100, method="inclusive")
    return Phase(beside, len(took), answered, cut[49], cut[98], max(took), peak_mib(child))


def show(phases: Sequence[Phase], console: Console) -> None:
    """Print the table, the ratios and the limits."""
    table = Table(title="small calls, milliseconds")
    for title in ("large callers", "small", "large", "p50", "p99", "longest", "p99 / idle", "peak RSS"):
        table.add_column(title, justify="right")
    idle = phases[0]
    for phase in phases:
        idle = idle if phase.beside else phase
        figures = (f"{phase.p50:.1f}", f"{phase.p99:.1f}", f"{phase.longest:.1f}", f"{phase.p99 / idle.p99:.1f}")
        table.add_row(str(phase.beside), str(phase.small), str(phase.large), *figures, f"{phase.peak_mib:.0f} MiB")
    console.print(table)
    for beside, found in ratios(phases).items():
        spread = f"{min(found):.1f}-{max(found):.1f}"
        console.print(f"beside {beside}: p99 {statistics.median(found):.1f} times the p99 alone ({spread})")
    console.print(f"peak RSS {max(phase.peak_mib for phase in phases):.0f} MiB, limit {LIMIT_MIB:.0f}")


def ratios(phases: Sequence[Phase]) -> dict[int, list[float]]:
    """Return the p99 beside large callers divided by the p99 alone in the same round, by number of large callers."""
    ratios_by_crowd: dict[int, list[float]] = {}
    idle = phases[0]
    for phase in phases:
        if phase.beside:
            ratios_by_crowd.setdefault(phase.beside, []).append(phase.p99 / idle.p99)
        else:
            idle = phase
    return ratios_by_crowd


def write(phases: Sequence[Phase], stack: str, path: Path) -> None:
    """Write all figures to a file."""
    found = {
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "stack": stack,
        "phases": [asdict(phase) for phase in phases],
        "median_p99_ratio": {str(beside): statistics.median(each) for beside, each in ratios(phases).items()},
        "peak_mib": max(phase.peak_mib for phase in phases),
        "limits": {"p99_ratio": LIMIT_RATIO, "peak_mib": LIMIT_MIB},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))


def main() -> int:
    """Measure, print and write the figures. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.front", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=1_000, help="small calls per phase")
    parser.add_argument("--json", type=Path, default=Path("bench/results/front.json"), help="file for the figures")
    options = parser.parse_args()
    console = Console(width=120)
    try:
        with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, start_stack() as stack:
            names = {"TOPIC_PREFIX": "bench.front", "MONGO_DATABASE": "bench_front", "JWT_SECRET": SECRET}
            rates = {"HTTP_TOKEN_CALLS_PER_SECOND": 0, "HTTP_TENANT_CALLS_PER_SECOND": 0}  # 0: no limit
            env = service_env(stack, **names, **rates)
            set_up(stack, env, log=Path(folder) / "setup.log")
            url = ready_url(env, "producer")
            with start_service(["rollcall", "producer"], env, url, log=Path(folder) / "producer.log") as child:
                root = url.removesuffix("/readyz")
                phases = asyncio.run(measure(root, child, options.rounds, options.calls, crowds=(1, 3)))
            show(phases, console)
            write(phases, stack.note, options.json)
    except StackError as error:
        console.print(f"bench: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
