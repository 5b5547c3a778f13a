"""Memory: peaks of the processes that handle large requests."""

import asyncio
import time

import aiohttp

from bench.front import SECRET, Caller
from bench.processes import peak_mib
from bench.programs import WARM_UP_RECIPIENTS, Program, bulk_work
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.workload import CONTENT, TENANT, USER, code, number
from devstack import StackError
from devstack.processes import Child
from devstack.services import ready_url, service_env, set_up, start_service

_CALLS = 3
"""Number of calls of 100,000 recipients at once, of different tenants."""
_SEND_SECONDS = 240.0
_POLL_SECONDS = 0.05


def run(place: Place, recipients: int) -> Figures:
    """Measure the peaks of a consumer, of `rollcall send` and of a producer."""
    warm_up = bulk_work("warm", WARM_UP_RECIPIENTS, WARM_UP_RECIPIENTS)
    consumer, consumer_small = (
        Program(f"of {size}").measure(place, warm_up, bulk_work("run", size, size)).peak_mib
        for size in (recipients, recipients // 10)
    )
    return {
        "consumer, MiB": consumer,
        "consumer of a tenth, MiB": consumer_small,
        "consumer / consumer of a tenth": consumer / consumer_small,
        "rollcall send, MiB": _send(place, recipients),
        "producer, MiB": _call(place),
    }


def _call(place: Place) -> float:
    """Return the peak of a producer during large calls."""
    name = f"{place.name}-calls"
    env = service_env(place.stack, TOPIC_PREFIX=name, MONGO_DATABASE=name, JWT_SECRET=SECRET)
    set_up(place.stack, env, log=place.folder / "setup.log")
    url = ready_url(env, "producer")

    async def call_at_once() -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
            caller = Caller(session, url.removesuffix("/readyz"))
            await asyncio.gather(*(caller.large(f"tnt_large_{number}") for number in range(_CALLS)))

    with start_service(["rollcall", "producer"], env, url, log=place.folder / "producer.log") as child:
        asyncio.run(call_at_once())
        return peak_mib(child)


def _send(place: Place, recipients: int) -> float:
    """Return the peak of `rollcall send`. No process reads its topics."""
    name = f"{place.name}-send"
    env = service_env(place.stack, TOPIC_PREFIX=name, MONGO_DATABASE=name)
    set_up(place.stack, env, log=place.folder / "setup.log")
    people = place.folder / "people.csv"
    with people.open("w") as file:
        file.write("to,code\n")
        file.writelines(f"{number(index)},{code(index)}\n" for index in range(recipients))
    options = ["--channel", "sms", "--content", CONTENT, "--tenant", TENANT, "--user", USER, "--no-wait"]
    with start_service(["rollcall", "send", people, *options], env, log=place.folder / "send.log") as child:
        return _watch(child)


def _watch(child: Child) -> float:
    """Return the last observed peak of a process that ends by itself."""
    peak, deadline = 0.0, time.monotonic() + _SEND_SECONDS
    while (ended := child.exit_code()) is None and time.monotonic() < deadline:
        current = peak_mib(child)
        peak = max(peak, current if current == current else 0.0)  # noqa: PLR0124  # NaN after the process has ended
        time.sleep(_POLL_SECONDS)
    if ended != 0:
        raise StackError(f"rollcall send, exit code {ended}: {child.last_words()}")
    return peak


SCENARIO = Scenario(
    title="peak memory of each process",
    about="One request from Kafka, one by `rollcall send`, and three calls of 100,000 recipients at once over HTTP.",
    quick=Size(50_000, 1),
    full=Size(1_000_000, 1),
    run=run,
    goals=[
        Goal("consumer, MiB", at_most=150),
        Goal("consumer / consumer of a tenth", at_most=1.1),
        Goal("rollcall send, MiB", at_most=150),
        Goal("producer, MiB", at_most=250),
    ],
)
