"""The one place where the service is put together. Nothing connects before the app starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from config.settings import parse_sealing_keys
from ledger.mongo import MongoLedger
from ledger.mongo.blocking_calls import exit_without_waiting
from ledger.ports import Ledger
from ledger.sealing import Sealer
from producer.auth.token_verifier import TokenVerifier
from producer.bulk.route import bulk_routes
from producer.clock import ClockAndRandom
from producer.completion_waiter import CompletionWaiter
from producer.control_routes import control_routes
from producer.dependencies import Dependencies
from producer.errors import ApiError
from producer.health_routes import health_routes
from producer.http.middleware import RequestLoggingMiddleware
from producer.http.request_bodies import RequestBodyReader
from producer.kafka.kafka_publisher import KafkaPublisher
from producer.kafka.publisher import Publisher
from producer.ledger_gateway import ANSWER_MS, LedgerGateway
from producer.metrics import Metrics
from producer.openapi.document import document_routes
from producer.read.routes import reading_routes
from producer.responses import error_response, simple_response
from producer.server import serve
from producer.settings import ProducerSettings
from schemas.validation_errors import path_of


def build_app(
    settings: ProducerSettings,
    *,
    publisher: Publisher | None = None,
    archive: LedgerGateway | None = None,
    sources: ClockAndRandom | None = None,
    waiting: CompletionWaiter | None = None,
) -> FastAPI:
    """The HTTP service; parts of one's own replace the real ones."""
    publisher = publisher or KafkaPublisher(settings)
    archive = archive or open_archive(settings)
    sources = sources or ClockAndRandom()
    waiting = waiting or CompletionWaiter(archive)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await publisher.start()
        try:
            await archive.start()
            try:
                yield
            finally:
                await archive.stop()
        finally:
            await publisher.stop()

    app = FastAPI(
        title="rollcall",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    bodies = RequestBodyReader(settings.max_body_bytes)
    sealer = Sealer(parse_sealing_keys(settings.sealing_keys))
    deps = Dependencies(
        settings, publisher, archive, sealer, TokenVerifier(settings), bodies, metrics, sources, waiting
    )
    app.include_router(bulk_routes(deps))
    app.include_router(reading_routes(deps))
    app.include_router(control_routes(deps))
    app.include_router(document_routes(app))
    app.include_router(health_routes(publisher, archive, metrics, sources))
    _answer_errors(app, sources)
    app.add_middleware(RequestLoggingMiddleware, metrics=metrics, sources=sources)
    return app


def run(settings: ProducerSettings) -> None:
    """Serve until SIGTERM or SIGINT; raises SystemExit when the service must not run."""
    publisher, archive = KafkaPublisher(settings), open_archive(settings)
    waiting = CompletionWaiter(archive)
    app = build_app(settings, publisher=publisher, archive=archive, waiting=waiting)
    code = serve(app, publisher, archive, waiting, settings)
    exit_without_waiting(code)
    if code:
        raise SystemExit(code)


def open_archive(settings: ProducerSettings) -> LedgerGateway:
    """The archive on the ledger in MongoDB; it connects when it is started."""

    async def connect() -> Ledger:
        url = settings.mongo_url.get_secret_value()
        return await MongoLedger.connect(url, settings.mongo_database, timeout_ms=ANSWER_MS)

    return LedgerGateway(connect)


def _answer_errors(app: FastAPI, sources: ClockAndRandom) -> None:
    """Every error is the contract's, the framework's own included."""

    async def on_refusal(_request: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return error_response(error, sources.now())

    async def on_http(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return simple_response(error.status_code, sources.now(), headers=error.headers)

    async def on_query(_request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        said = "; ".join(f"{path_of(problem['loc'][1:])}: {problem['msg'].lower()}" for problem in error.errors())
        return simple_response(400, sources.now(), said)

    app.add_exception_handler(ApiError, on_refusal)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_query)
