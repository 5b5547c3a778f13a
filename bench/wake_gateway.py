"""The provider of the wake benchmark: it knows when each delivery is due, and notes how late it is asked."""

import time
from collections import defaultdict

from aiohttp import web

SCHEDULED, AT_ONCE, AGAIN = "scheduled", "at once", "again"
"""What a reference begins with. ``scheduled:<milliseconds since 1970>`` is due then, and so is ``at once:``, which was
published at that moment; ``again:<seconds>`` is answered 429 with that Retry-After the first time, and due when those
seconds are over."""


class Gateway:
    """An HTTP gateway on loopback; lateness counts until the request is here, its way included."""

    def __init__(self) -> None:
        self.late: dict[str, list[float]] = defaultdict(list)
        """Seconds after it was due, by kind; what came twice is there twice."""
        self._due: dict[str, float] = {}
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self, port: int) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1000).start()

    async def aclose(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        now = time.time()
        said = await request.json()
        kind, _, value = said["reference"].partition(":")
        if kind == AGAIN and said["id"] not in self._due:
            self._due[said["id"]] = time.time() + int(value)
            return web.Response(status=429, headers={"Retry-After": value})
        due = self._due[said["id"]] if kind == AGAIN else int(value) / 1000
        self.late[kind].append(now - due)
        return web.json_response({"id": said["id"][-12:]})
