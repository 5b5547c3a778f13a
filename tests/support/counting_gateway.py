"""HTTP gateway of a test that notes when each delivery arrives."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from devstack.processes import free_port


class CountingGateway:
    """Gateway on loopback that accepts everything."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, str]] = []
        """Time since 1970 and id of each delivery, in the order of their arrival."""

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
        self.arrivals.append((now, message["id"]))
        return web.json_response({"id": message["id"][-12:]})

    @property
    def ids(self) -> list[str]:
        """Return the ids of all arrivals."""
        return [name for _, name in self.arrivals]

    def counts(self, seconds: int) -> list[int]:
        """Return the number of arrivals in each period of so many whole seconds, from the first to the last."""
        periods = Counter(int(at // seconds) for at, _ in self.arrivals)
        return [periods[period] for period in range(min(periods), max(periods) + 1)]
