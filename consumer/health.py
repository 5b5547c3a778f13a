"""Liveness, readiness and metrics over HTTP; up before anything else is."""

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from consumer.metrics import Metrics
from consumer.progress import Progress


async def start_health(host: str, port: int, progress: Progress, metrics: Metrics) -> web.AppRunner:
    """Serve until the runner is cleaned up; raises OSError where the port is taken."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        checks = progress.checks()
        return web.json_response(checks, status=200 if progress.ready else 503)

    async def metrics_page(_: web.Request) -> web.Response:
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics_page)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
