"""Provider of the scenario due_work. It knows the due time of each delivery, and records its lateness."""

import time
from collections import defaultdict

from aiohttp import web

from core.retry import SPREAD_SECONDS

SCHEDULED, AT_ONCE, AGAIN = "scheduled", "at once", "again"
"""Kinds, at the beginning of a reference. ``scheduled:<milliseconds since 1970>`` is due then. So is ``at once:``, and
it was published at that time. ``again:<seconds>`` is answered 429 with that Retry-After the first time. The product
spreads such deliveries over `SPREAD_SECONDS` after that time, so they are due at the end of it."""


class Gateway:
    """HTTP gateway on loopback. Lateness counts until the request arrives."""

    def __init__(self) -> None:
        self.late: dict[str, list[float]] = defaultdict(list)
        """Seconds after the due time, 0 before it, by kind. A delivery that arrives twice is in it twice."""
        self._due: dict[str, float] = {}
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self, port: int) -> None:
        """Start listening."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1000).start()

    async def aclose(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        now = time.time()
        message = await request.json()
        kind, _, value = message["reference"].partition(":")
        if kind == AGAIN and message["id"] not in self._due:
            self._due[message["id"]] = time.time() + int(value) + SPREAD_SECONDS
            return web.Response(status=429, headers={"Retry-After": value})
        due = self._due[message["id"]] if kind == AGAIN else int(value) / 1000
        self.late[kind].append(max(0.0, now - due))
        return web.json_response({"id": message["id"][-12:]})
