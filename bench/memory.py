"""Peak memory of each process and its limit: consumer, producer and `rollcall send`."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from bench.front import LIMIT_MIB, SECRET, Caller
from bench.measure import Run
from bench.sides import peak_mib
from bench.workload import CONTENT, TENANT, USER, code, number
from devstack import Stack
from devstack.processes import Child
from devstack.services import ready_url, service_env, set_up, start_service

OTHER_LIMIT_MIB = 150.0
"""Limit of every process except the producer."""
_CALLS = 3
_SEND_SECONDS = 240.0
_POLL_SECONDS = 0.05


class NotSent(Exception):  # noqa: N818  # a failed measurement, not an error of the code
    """`rollcall send` failed."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Peak memory of one process, in MiB."""

    process: str
    peak_mib: float
    limit_mib: float


def measure_peaks(stack: Stack, folder: Path, runs: Sequence[Run], recipients: int) -> list[Peak]:
    """Return the peaks of the runs' consumer, of a producer and of a `rollcall send`. No process reads their topics."""
    consumer = max(run.peak_mib for run in runs if run.side == "product")
    env = service_env(stack, TOPIC_PREFIX="bench.memory", MONGO_DATABASE="bench_memory", JWT_SECRET=SECRET)
    set_up(stack, env, log=folder / "setup.log")
    url = ready_url(env, "producer")
    with start_service(["rollcall", "producer"], env, url, log=folder / "producer.log") as child:
        producer = asyncio.run(_call(url.removesuffix("/readyz"), child))
    recipients_file = folder / "people.csv"
    with recipients_file.open("w") as file:
        file.write("to,code\n")
        file.writelines(f"{number(index)},{code(index)}\n" for index in range(recipients))
    options = ["--channel", "sms", "--content", CONTENT, "--tenant", TENANT, "--user", USER, "--no-wait"]
    with start_service(["rollcall", "send", recipients_file, *options], env, log=folder / "send.log") as child:
        sender = _watch(child)
    return [
        Peak(f"consumer, {runs[0].recipients:,} recipients", consumer, OTHER_LIMIT_MIB),
        Peak(f"producer, {_CALLS} calls of 100,000 recipients at once", producer, LIMIT_MIB),
        Peak(f"rollcall send, {recipients:,} recipients", sender, OTHER_LIMIT_MIB),
    ]


async def _call(url: str, child: Child) -> float:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        caller = Caller(session, url)
        await asyncio.gather(*(caller.large(f"tnt_large_{number}") for number in range(_CALLS)))
    return peak_mib(child)


def _watch(child: Child) -> float:
    """Return the last observed peak of a process that ends by itself."""
    peak, deadline = 0.0, time.monotonic() + _SEND_SECONDS
    while (ended := child.exit_code()) is None and time.monotonic() < deadline:
        current = peak_mib(child)
        peak = max(peak, current if current == current else 0.0)  # noqa: PLR0124  # NaN after the process has ended
        time.sleep(_POLL_SECONDS)
    if ended != 0:
        raise NotSent(f"rollcall send, exit code {ended}: {child.last_words()}")
    return peak


def show(peaks: Sequence[Peak], console: Console) -> None:
    """Print the table."""
    table = Table(title="peak RSS, MiB")
    for title in ("process", "peak", "limit", ""):
        table.add_column(title, justify="left" if title in {"process", ""} else "right")
    for peak in peaks:
        verdict = "within" if peak.peak_mib <= peak.limit_mib else "ABOVE"
        table.add_row(peak.process, f"{peak.peak_mib:,.0f}", f"{peak.limit_mib:,.0f}", verdict)
    console.print(table)
