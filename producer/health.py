"""What operators and orchestrators ask: alive, ready, metrics."""

from datetime import datetime

import orjson
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from producer.answers import JSON
from producer.archive import Archive
from producer.clock import Sources
from producer.errors import RETRY_AFTER_SECONDS
from producer.metrics import Metrics
from producer.publisher import Publisher


def health_routes(publisher: Publisher, archive: Archive, metrics: Metrics, sources: Sources) -> APIRouter:
    """The routes that need no token."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> Response:
        """The process runs and its event loop turns."""
        return _said(200, "alive", sources.now())

    @router.get("/readyz")
    async def readyz() -> Response:
        """Whether requests can be taken, and what is in the way: each dependency by name.

        MongoDB is named and does not decide: most requests are taken without it.
        """
        trouble = publisher.trouble()
        dependencies = {"kafka": _state(trouble), "mongodb": _state(archive.trouble())}
        if trouble is None:
            return _said(200, "ready", sources.now(), **dependencies)
        return _said(503, f"not ready: kafka: {trouble}", sources.now(), **dependencies)

    @router.get("/metrics")
    async def exposed() -> Response:
        """The metrics in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _state(trouble: str | None) -> dict[str, object]:
    return {"ready": trouble is None, "trouble": trouble}


def _said(status: int, message: str, now: datetime, **dependencies: object) -> Response:
    """`dto.SimpleResponse`, and the dependencies beside its fields."""
    body = {"code": status, "message": message, "timestamp": now}
    if dependencies:
        body["dependencies"] = dependencies
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else None
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), status, headers, JSON)
