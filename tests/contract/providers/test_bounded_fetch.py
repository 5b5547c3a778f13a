"""Download of a small file: only a whole 200 counts, and no answer takes long or fills the memory."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from providers.http_client import MAX_ANSWER_BYTES
from providers.receipts.bounded_fetch import fetch_bounded
from providers.receipts.receipt_format import CallbackUnavailableError

CONTENT = b"-----BEGIN CERTIFICATE-----"


async def _answer(request: web.Request) -> web.StreamResponse:
    way = request.match_info["way"]
    if way == "endless":
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)
    if way == "silent":
        await asyncio.sleep(30)
    if way == "elsewhere":
        return web.HTTPFound("/200")
    size = int(way) - 1_000 if int(way) > 1_000 else 0
    return web.Response(status=200 if size else int(way), body=b"x" * size or CONTENT)


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/{way}", _answer)
    async with TestServer(app) as running:
        yield running


async def test_the_body_of_a_200_is_returned(server: TestServer) -> None:
    assert await fetch_bounded(str(server.make_url("/200"))) == CONTENT
    largest = 1_000 + MAX_ANSWER_BYTES
    assert len(await fetch_bounded(str(server.make_url(f"/{largest}"))) or b"") == MAX_ANSWER_BYTES


@pytest.mark.parametrize("status", ["400", "403", "404", "410"])
async def test_a_refusal_is_none(server: TestServer, status: str) -> None:
    assert await fetch_bounded(str(server.make_url(f"/{status}"))) is None


@pytest.mark.parametrize("way", ["204", "408", "429", "500", "503", "elsewhere"])
async def test_another_answer_may_be_tried_again(server: TestServer, way: str) -> None:
    with pytest.raises(CallbackUnavailableError):
        await fetch_bounded(str(server.make_url(f"/{way}")))


@pytest.mark.parametrize("way", [str(1_001 + MAX_ANSWER_BYTES), "endless", "silent"])
async def test_a_download_that_is_too_large_or_too_slow_is_dropped(server: TestServer, way: str) -> None:
    begun = time.monotonic()
    with pytest.raises(CallbackUnavailableError):
        await fetch_bounded(str(server.make_url(f"/{way}")), timeout_seconds=0.5)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://no.such.host.invalid/"])
async def test_a_server_that_is_away_may_be_tried_again(url: str) -> None:
    with pytest.raises(CallbackUnavailableError):
        await fetch_bounded(url)
