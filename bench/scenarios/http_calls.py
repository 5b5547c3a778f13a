"""HTTP: small calls of 64 callers, against a bare FastAPI handler (bench/bare_api.py)."""

import asyncio
import sys
import time
from pathlib import Path
from uuid import uuid4

import aiohttp

from bench.front import SECRET, a_body
from bench.processes import cpu_seconds
from bench.scenario import Figures, Goal, Place, Scenario, Size
from cli.admin.development_token import issue_token
from devstack import StackError
from devstack.processes import Child, free_port
from devstack.services import ready_url, service_env, set_up, start_service

CALLERS = 64
_WARM_UP = 300
_NO_LIMITS = {"HTTP_TOKEN_CALLS_PER_SECOND": 0, "HTTP_TENANT_CALLS_PER_SECOND": 0}


async def call(url: str, number: int, *, with_key: bool = False) -> float:
    """Make calls of one recipient, CALLERS at a time. Return calls per second."""
    token = issue_token(SECRET, "tnt_bench", "usr_bench", ["communication:send"], 3_600)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body, left = a_body(1), iter(range(number))

    async def one_caller(session: aiohttp.ClientSession) -> None:
        for _ in left:
            key = {"Idempotency-Key": uuid4().hex} if with_key else {}
            async with session.post(f"{url}/communication/bulk", data=body, headers=headers | key) as answer:
                if answer.status != 200:
                    raise StackError(f"answered {answer.status}: {(await answer.text())[:300]}")
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = time.monotonic()
        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(one_caller(session))
        return number / (time.monotonic() - began)


def run(place: Place, calls: int) -> Figures:
    """Measure both services on one Kafka. They take turns, and both run all the time."""
    env = service_env(place.stack, TOPIC_PREFIX=place.name, MONGO_DATABASE=place.name, JWT_SECRET=SECRET, **_NO_LIMITS)
    set_up(place.stack, env, log=place.folder / "setup.log")
    url, bare_port = ready_url(env, "producer"), str(free_port())
    bare_url = f"http://127.0.0.1:{bare_port}"
    topic = f"{place.name}.bulk.requests.express"
    command = [sys.executable, "-m", "bench.bare_api", bare_port, place.stack.kafka_bootstrap, topic]
    figures: dict[str, float] = {}

    def measure(name: str, child: Child, root: str, *, with_key: bool = False) -> float:
        asyncio.run(call(root, _WARM_UP, with_key=with_key))
        before = cpu_seconds(child)
        rate = asyncio.run(call(root, calls, with_key=with_key))
        figures[f"{name}, calls/s"] = rate
        figures[f"{name}, µs of CPU a call"] = (cpu_seconds(child) - before) / calls * 1e6
        return rate

    with (
        start_service(["rollcall", "producer"], env, url, log=Path(place.folder) / "producer.log") as ours,
        start_service(command, env, f"{bare_url}/readyz", log=Path(place.folder) / "bare.log") as bare,
    ):
        root = url.removesuffix("/readyz")
        sides = [("rollcall", ours, root), ("bare FastAPI", bare, bare_url)]
        rates = {name: measure(name, child, at) for name, child, at in (sides if place.is_odd else reversed(sides))}
        with_key = measure("rollcall with Idempotency-Key", ours, root, with_key=True)
    bare_rate = rates["bare FastAPI"]
    return {
        **figures,
        "rollcall / bare FastAPI": rates["rollcall"] / bare_rate,
        "rollcall with Idempotency-Key / bare FastAPI": with_key / bare_rate,
    }


SCENARIO = Scenario(
    title="small requests over HTTP, 64 callers",
    about="Each call sends one recipient. The bare handler verifies the token, parses the body and awaits Kafka.",
    quick=Size(2_000, 2),
    full=Size(10_000, 5),
    run=run,
    goals=[Goal("rollcall / bare FastAPI", at_least=0.6)],
)
