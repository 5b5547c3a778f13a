"""Command ``python -m bench.slow_gateway PORT MILLISECONDS``: an HTTP gateway on loopback that answers late.

It is a process of its own, so that its work does not delay the program that measures. GET / returns the number of its
answers.
"""

import asyncio
import sys

from aiohttp import web


class SlowGateway:
    """Gateway that accepts every delivery after a fixed time."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._answers = seconds, 0

    def app(self) -> web.Application:
        """Return the application to run."""
        app = web.Application()
        app.router.add_post("/", self._take)
        app.router.add_get("/", self._count)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        message = await request.json()
        await asyncio.sleep(self._seconds)
        self._answers += 1
        return web.json_response({"id": message["id"][-12:]})

    async def _count(self, _: web.Request) -> web.Response:
        return web.json_response(self._answers)


if __name__ == "__main__":
    port, milliseconds = map(int, sys.argv[1:])
    web.run_app(SlowGateway(milliseconds / 1000).app(), host="127.0.0.1", port=port, access_log=None, print=None)
