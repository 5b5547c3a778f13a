"""HTTP gateway of a test that notes when each delivery arrives."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web

from devstack.processes import free_port


class Arrival(NamedTuple):
    """Delivery that arrived."""

    at: float
    """Time in seconds since 1970."""
    id: str
    text: str


class CountingGateway:
    """Gateway on loopback that accepts everything. It answers after some seconds."""

    def __init__(self, answer_seconds: float = 0.0) -> None:
        self._answer_seconds = answer_seconds
        self.arrivals: list[Arrival] = []
        """Deliveries in the order of their arrival."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen, and yield the URL."""
        app = web.Application()
        app.router.add_post("/", self._take)
        runner, port = web.AppRunner(app, access_log=None), free_port()
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1000).start()
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        now = time.time()
        message = await request.json()
        self.arrivals.append(Arrival(now, message["id"], message["text"]))
        await asyncio.sleep(self._answer_seconds)
        return web.json_response({"id": message["id"][-12:]})

    @property
    def ids(self) -> list[str]:
        """Return the ids of all arrivals."""
        return [arrival.id for arrival in self.arrivals]

    @property
    def texts(self) -> list[str]:
        """Return the texts of all arrivals."""
        return [arrival.text for arrival in self.arrivals]

    def counts(self, seconds: int) -> list[int]:
        """Return the number of arrivals in each period of so many whole seconds, from the first to the last."""
        periods = Counter(int(at // seconds) for at, _, _ in self.arrivals)
        return [periods[period] for period in range(min(periods), max(periods) + 1)]
