"""Around every request: its id, one access line, its metrics, and the last net for what nobody caught."""

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

CLIENT_GONE = 499
"""Written into the log and the metrics for a client that hung up; nobody receives it."""
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that are asked every few seconds: they have no access line while all is well."""

_log = structlog.get_logger()


class RequestLoggingMiddleware:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, metrics: Metrics, sources: ClockAndRandom) -> None:
        self._app = app
        self._metrics = metrics
        self._sources = sources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = uuid7(self._sources.now(), self._sources.random_bytes(10))
        answer = _Answer(send, state)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = CLIENT_GONE
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets the contract's 500
            _log.error("request failed", request_id=state["request_id"], fault=describe(error))
            if answer.status == 0:
                await simple_response(500, self._sources.now())(scope, receive, answer.send)
        finally:
            self._note(scope, answer.status or CLIENT_GONE, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's own pattern, not the path: a path may carry an address, and would be a metric of its own.
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in QUIET and status == 200:
            return
        _log.info(
            "request",
            method=scope["method"] if scope["method"] in _METHODS else "other",
            route=route,
            status=status,
            seconds=round(seconds, 4),
            request_id=scope["state"]["request_id"],
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Answer:
    """Passes messages on, notes the status and adds the request's id, as it is by then."""

    def __init__(self, send: Send, state: dict[str, Any]) -> None:
        self._send = send
        self._state = state
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self._state["request_id"]
        await self._send(message)
