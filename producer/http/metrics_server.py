"""HTTP server of the metrics alone, for an address that only the monitoring can reach."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from producer.metrics import Metrics


@asynccontextmanager
async def serve_metrics(host: str, port: int | None, metrics: Metrics) -> AsyncIterator[tuple[str, int] | None]:
    """Serve `/metrics` in this context, and yield the address. Without a port, serve nothing.

    Raises OSError if the port is in use.
    """
    if port is None:
        yield None
        return

    async def metrics_page(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics_page)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address: tuple[str, int] = runner.addresses[0][:2]
        yield address
    finally:
        await runner.cleanup()
