"""Middleware around every request: its id, one access line, its metrics, and a 500 for uncaught errors."""

import time
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.logging_setup import describe
from core.ids import uuid7
from producer.clock import ClockAndRandom
from producer.metrics import Metrics
from producer.responses import simple_response

CLIENT_DISCONNECTED = 499
"""Status in the log and the metrics for a client that disconnected. It is never sent."""
UNLOGGED_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that are called every few seconds. They have no access line while they answer 200."""

_log = structlog.get_logger()


class RequestLoggingMiddleware:
    """The outermost layer of the app: request id, access line, metrics and uncaught errors."""

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: ClockAndRandom) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Pass on other kinds of messages."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = uuid7(self._clock.now(), self._clock.random_bytes(10))
        response = _ResponseObserver(send, state)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, response.send)
        except ClientDisconnect:
            response.status = CLIENT_DISCONNECTED
        except Exception as error:  # noqa: BLE001  # the caller gets a 500 for every error
            _log.error("request failed", request_id=state["request_id"], fault=describe(error))
            if response.status == 0:
                await simple_response(500, self._clock.now())(scope, receive, response.send)
        finally:
            self._record(scope, response.status or CLIENT_DISCONNECTED, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        # The pattern of the route, not the path: a path may contain an address, and would be a metric of its own.
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in UNLOGGED_ROUTES and status == 200:
            return
        _log.info(
            "request finished",
            method=scope["method"] if scope["method"] in _METHODS else "other",
            route=route,
            status=status,
            seconds=round(seconds, 4),
            request_id=scope["state"]["request_id"],
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _ResponseObserver:
    """Passes messages on, records the status and adds the request's id, which the route may have changed."""

    def __init__(self, send: Send, state: dict[str, Any]) -> None:
        self._send = send
        self._state = state
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self._state["request_id"]
        await self._send(message)
