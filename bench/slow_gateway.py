"""Command ``python -m bench.slow_gateway PORT MILLISECONDS``: an HTTP gateway on loopback that answers late.

It is a process of its own, so that its work does not delay the program that measures. POST / takes a delivery of the
kind `http`, and POST /v3/mail/send the e-mails of a call of SendGrid, whose answer is that of
https://www.twilio.com/docs/sendgrid/api-reference/mail-send. GET / returns the number of answers to both.
"""

import asyncio
import json
import sys
import urllib.request

from aiohttp import web


class SlowGateway:
    """Gateway that accepts everything after a fixed time."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._answers = seconds, 0

    def app(self) -> web.Application:
        """Return the application to run."""
        app = web.Application()
        app.router.add_post("/", self._take)
        app.router.add_post("/v3/mail/send", self._take_mails)
        app.router.add_get("/", self._count)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        message = await request.json()
        await asyncio.sleep(self._seconds)
        self._answers += 1
        return web.json_response({"id": message["id"][-12:]})

    async def _take_mails(self, request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(self._seconds)
        self._answers += 1
        return web.Response(status=202, headers={"X-Message-Id": f"call-{self._answers}"})

    async def _count(self, _: web.Request) -> web.Response:
        return web.json_response(self._answers)


def count_answers(url: str) -> int:
    """Return the number of answers of the gateway at a URL."""
    with urllib.request.urlopen(url, timeout=10) as response:
        return int(json.load(response))


if __name__ == "__main__":
    port, milliseconds = map(int, sys.argv[1:])
    web.run_app(SlowGateway(milliseconds / 1000).app(), host="127.0.0.1", port=port, access_log=None, print=None)
