"""What operators and orchestrators ask: alive, ready, metrics."""

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


def health_routes(publisher: Publisher, archive: LedgerGateway, metrics: Metrics, sources: ClockAndRandom) -> APIRouter:
    """The routes that need no token."""
    router = APIRouter()

    @router.get("/healthz", response_model=SimpleResponse)
    async def healthz() -> Response:
        """The process runs and its event loop turns."""
        return simple_response(200, sources.now(), "alive")

    @router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
    async def readyz() -> Response:
        """Whether requests can be taken, and what is in the way: each dependency by name.

        MongoDB is named and does not decide: most requests are taken without it.
        """
        kafka, mongodb = publisher.problem(), archive.problem()
        said = Readiness(
            code=503 if kafka else 200,
            message=f"not ready: kafka: {kafka}" if kafka else "ready",
            timestamp=sources.now(),
            dependencies={"kafka": _state(kafka), "mongodb": _state(mongodb)},
        )
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if kafka else None
        return Response(said.model_dump_json(), said.code, headers, JSON)

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics_page() -> Response:
        """The metrics in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _state(trouble: str | None) -> Dependency:
    return Dependency(ready=trouble is None, trouble=trouble)
