"""HTTP server for liveness, readiness and metrics. It starts before all other parts."""

from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from consumer.monitoring.metrics import Metrics
from consumer.monitoring.readiness import ReadinessTracker
from schemas.health import Dependency, Readiness
from schemas.http_responses import SimpleResponse


async def start_health(
    host: str,
    port: int,
    progress: ReadinessTracker,
    metrics: Metrics,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> web.AppRunner:
    """Serve until the runner is cleaned up. Raises OSError if the port is in use."""

    async def healthz(_: web.Request) -> web.Response:
        warnings = [f"{name}: {warning}" for name, warning in progress.warnings().items() if warning]
        message = ". ".join(["alive", *warnings])
        body = SimpleResponse(code=200, message=message, timestamp=now()).json_bytes()
        return web.Response(body=body, content_type="application/json")

    async def readyz(_: web.Request) -> web.Response:
        readiness = _readiness(progress.problems(), progress.warnings(), now())
        return web.Response(text=readiness.model_dump_json(), status=readiness.code, content_type="application/json")

    async def metrics_page(_: web.Request) -> web.Response:
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics_page)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def _readiness(problems: dict[str, str | None], warnings: dict[str, str | None], now: datetime) -> Readiness:
    summary = ". ".join(f"{name}: {problem}" for name, problem in problems.items() if problem)
    return Readiness(
        code=503 if summary else 200,
        message=f"not ready: {summary}" if summary else "ready",
        timestamp=now,
        dependencies={
            name: Dependency(ready=not problem, trouble=problem) for name, problem in {**problems, **warnings}.items()
        },
    )
