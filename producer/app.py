"""Composition root of the HTTP service. Nothing connects before the app starts."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from config.settings import parse_sealing_keys
from ledger.mongo import MongoLedger
from ledger.ports import Ledger
from ledger.sealing import Sealer
from producer.auth.caller_gate import CallerGate
from producer.auth.token_verifier import TokenVerifier
from producer.bulk.route import BulkEndpoint, RouteWithoutQuery, bulk_routes
from producer.callbacks.accept_call import CallGate
from producer.callbacks.inbound_route import inbound_routes
from producer.callbacks.route import callback_routes
from producer.clock import ClockAndRandom
from producer.completion_waiter import CompletionWaiter
from producer.consents.routes import consent_routes
from producer.control_routes import control_routes
from producer.dependencies import Dependencies
from producer.errors import ApiError
from producer.health_routes import health_routes
from producer.http.body_arrival import ArrivalBounds
from producer.http.metrics_server import serve_metrics
from producer.http.middleware import RequestLoggingMiddleware
from producer.http.request_bodies import RequestBodyReader
from producer.kafka.kafka_publisher import KafkaPublisher
from producer.kafka.publisher import Publisher
from producer.ledger_gateway import COMMAND_TIMEOUT_MS, LedgerGateway
from producer.metrics import Metrics
from producer.openapi.document import document_routes
from producer.personal_data.routes import personal_data_routes
from producer.provider_directory.directory import ProviderDirectory
from producer.read.channel_health import channel_health_routes
from producer.read.places import read_places
from producer.read.rate_limits import rate_limit_routes
from producer.read.routes import reading_routes
from producer.responses import error_response, simple_response
from producer.server import serve
from producer.settings import ProducerSettings
from producer.suppressions.routes import suppression_routes
from producer.suppressions.transfer_routes import suppression_transfer_routes
from producer.tenant_providers.routes import provider_routes
from producer.unsubscribe.route import unsubscribe_routes
from schemas.validation_errors import path_of, read_details


def build_app(
    settings: ProducerSettings,
    *,
    publisher: Publisher | None = None,
    gateway: LedgerGateway | None = None,
    clock: ClockAndRandom | None = None,
    waiter: CompletionWaiter | None = None,
) -> FastAPI:
    """Build the HTTP service. Arguments that are given replace the real parts."""
    publisher = publisher or KafkaPublisher(settings)
    gateway = gateway or open_gateway(settings)
    waiter = waiter or CompletionWaiter(gateway)
    clock, metrics = clock or ClockAndRandom(), Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await publisher.start()
        try:
            await gateway.start()
            try:
                metrics_page = serve_metrics(settings.metrics_host, settings.metrics_port, metrics)
                async with metrics.event_loop_stalls.watching(), metrics_page:
                    yield
            finally:
                await gateway.stop()
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
    body_reader = RequestBodyReader(settings.max_body_bytes, ArrivalBounds(settings.min_body_bytes_per_second))
    gate = CallerGate(settings, TokenVerifier(settings), metrics.calls_over_rate, clock)
    sealer = Sealer(parse_sealing_keys(settings.sealing_keys))
    providers = ProviderDirectory(gateway, clock.monotonic)
    deps = Dependencies(
        settings, publisher, gateway, sealer, gate, body_reader, metrics, clock, waiter, providers, read_places()
    )
    health = health_routes(publisher, gateway, metrics if settings.metrics_port is None else None, clock)
    _add_error_handlers(app, clock, _add_routes(app, deps, health))
    app.add_middleware(RequestLoggingMiddleware, metrics=metrics, clock=clock)
    return app


def _add_routes(app: FastAPI, deps: Dependencies, health: APIRouter) -> list[BaseRoute]:
    """Add all routes, and return them."""
    endpoint = BulkEndpoint(deps)
    app.router.routes.append(RouteWithoutQuery(endpoint))
    read = (reading_routes(deps), rate_limit_routes(deps), channel_health_routes(deps))
    suppressions = (suppression_transfer_routes(deps), suppression_routes(deps))
    persons = (consent_routes(deps), personal_data_routes(deps))
    change = (provider_routes(deps), control_routes(deps), *suppressions, *persons)
    gate = CallGate(deps)
    public = (callback_routes(deps, gate), inbound_routes(deps, gate), unsubscribe_routes(deps))
    routers = (bulk_routes(endpoint), *read, *change, *public, document_routes(app), health)
    for router in routers:
        app.include_router(router)
    return [route for router in routers for route in router.routes]


def run(settings: ProducerSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SystemExit if the service must not run."""
    publisher, gateway = KafkaPublisher(settings), open_gateway(settings)
    waiter = CompletionWaiter(gateway)
    app = build_app(settings, publisher=publisher, gateway=gateway, waiter=waiter)
    if code := serve(app, publisher, gateway, waiter, settings):
        raise SystemExit(code)


def open_gateway(settings: ProducerSettings) -> LedgerGateway:
    """Return the gateway to the ledger in MongoDB. It connects when it is started."""

    async def connect() -> Ledger:
        url = settings.mongo_url.get_secret_value()
        return await MongoLedger.connect(url, settings.mongo_database, timeout_ms=COMMAND_TIMEOUT_MS)

    return LedgerGateway(connect)


def _allowed(routes: Iterable[BaseRoute], request: Request) -> dict[str, str]:
    """Return the header with the methods of a path. The framework names those of its first route only.

    The first route is the one that is meant. `/communication/logs/search` could be the id of a log as well.
    """
    of_path = [each for each in routes if isinstance(each, Route) and each.matches(request.scope)[0] != Match.NONE]
    methods = {method for route in of_path if route.path == of_path[0].path for method in route.methods or ()}
    return {"Allow": ", ".join(sorted(methods))}


def _add_error_handlers(app: FastAPI, clock: ClockAndRandom, routes: Iterable[BaseRoute]) -> None:
    """Give every error the shape of the contract, also those of the framework."""

    async def on_api_error(_request: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return error_response(error, clock.now())

    async def on_http_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        headers = _allowed(routes, request) if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
        return simple_response(error.status_code, clock.now(), headers=headers)

    async def on_invalid_query(_request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        # The first step of a location is the part of the call, such as `query`.
        problems = read_details(error.errors())
        message = ". ".join(f"{path_of(problem.shown_location[1:])}: {problem.phrase}" for problem in problems)
        return simple_response(400, clock.now(), message)

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_query)
