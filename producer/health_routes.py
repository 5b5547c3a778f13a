"""Routes for operators and orchestrators: liveness, readiness, metrics."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from producer.clock import ClockAndRandom
from producer.errors import RETRY_AFTER_SECONDS
from producer.kafka.publisher import Publisher
from producer.ledger_gateway import LedgerGateway
from producer.metrics import Metrics
from producer.responses import JSON, simple_response
from schemas.health import Dependency, Readiness
from schemas.http_responses import SimpleResponse


def health_routes(
    publisher: Publisher, gateway: LedgerGateway, metrics: Metrics | None, clock: ClockAndRandom
) -> APIRouter:
    """Return the routes that need no token. There is none for metrics that have an address of their own."""
    router = APIRouter()

    @router.get("/healthz", response_model=SimpleResponse)
    async def healthz() -> Response:
        """Return 200 while the process runs and its event loop turns."""
        return simple_response(200, clock.now(), "alive")

    @router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
    async def readyz() -> Response:
        """Return whether the service can accept requests, with the problem of each dependency.

        MongoDB is listed but does not decide the status: most requests are accepted without it.
        """
        kafka, mongodb = publisher.problem(), gateway.problem()
        readiness = Readiness(
            code=503 if kafka else 200,
            message=f"not ready: kafka: {kafka}" if kafka else "ready",
            timestamp=clock.now(),
            dependencies={"kafka": _dependency(kafka), "mongodb": _dependency(mongodb)},
        )
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if kafka else None
        return Response(readiness.model_dump_json(), readiness.code, headers, JSON)

    if metrics is not None:
        registry = metrics.registry

        @router.get("/metrics", response_class=PlainTextResponse)
        async def metrics_page() -> Response:
            """Return the metrics in the text format of Prometheus."""
            return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _dependency(problem: str | None) -> Dependency:
    return Dependency(ready=problem is None, trouble=problem)
