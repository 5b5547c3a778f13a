"""HTTP server of the simulator: a gateway as the kind `http` expects it, and the pages that show its messages."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from cli.plain_output import json_text
from cli.simulator.page import page_of
from cli.simulator.received import Delivery
from cli.simulator.receiver import MAX_MESSAGE_BYTES, Receiver, never
from cli.simulator.signing.ses import CERTIFICATE_PATH, SesSigner
from providers.simulated_results import SimulatedResult
from schemas.statuses import Channel
from schemas.validation_errors import read_problems

_REFUSALS = {
    SimulatedResult.FAIL: (422, "simulated: refused"),
    SimulatedResult.RETRY: (503, "simulated: unavailable"),
    SimulatedResult.THROTTLE: (429, "simulated: too many"),
}
"""Status and error of each refusal. docs/providers/http.md has the result of each status."""

_SHUTDOWN_SECONDS = 0.1
"""Time that running answers have when the server stops, in seconds."""


class GatewayBody(BaseModel):
    """Fields of a delivery that the simulator reads. It ignores all others."""

    id: str = Field(min_length=1)
    channel: Channel
    to: str = Field(min_length=1, max_length=320)
    text: str
    subject: str | None = None


class GatewayRoutes:
    """Handlers of the routes."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def send(self, request: web.Request) -> web.Response:
        """Answer a delivery as configured. The delivery id is the Idempotency-Key, or else the id of the body."""
        try:
            body = GatewayBody.model_validate_json(await request.read())
        except ValidationError as error:
            wrong = sorted({str(problem.location[0]) for problem in read_problems(error) if problem.location})
            return _json({"error": f"no delivery: {', '.join(wrong) or 'JSON'}"}, status=400)
        key = request.headers.get("Idempotency-Key", body.id)
        delivery = Delivery(key, body.channel, body.to, body.subject, body.text)
        result = await self._receiver.receive(delivery)
        if result is SimulatedResult.DROP:
            if request.transport is not None:
                request.transport.abort()
            await never()
        if result not in _REFUSALS:
            return _json({"id": delivery.message_id})
        status, error_text = _REFUSALS[result]
        return _json({"error": error_text}, status=status, headers=self._headers(result))

    async def show(self, _: web.Request) -> web.Response:
        """Return counts and latest messages as JSON."""
        return _json(self._receiver.document())

    async def show_page(self, _: web.Request) -> web.Response:
        """Return counts and latest messages as a page."""
        return web.Response(text=page_of(self._receiver.document()), content_type="text/html")

    async def forget(self, _: web.Request) -> web.Response:
        """Forget counts, messages and attempts."""
        self._receiver.forget()
        return web.Response(status=204)

    async def show_certificate(self, _: web.Request) -> web.Response:
        """Return the certificate with which receipts in the format of SES are signed, as PEM."""
        receipts = self._receiver.receipts
        if receipts is None or not isinstance(receipts.signer, SesSigner):
            raise web.HTTPNotFound
        return web.Response(body=receipts.signer.certificate, content_type="application/x-pem-file")

    def _headers(self, result: SimulatedResult) -> dict[str, str]:
        """Return Retry-After for a delivery that must wait, in whole seconds (RFC 9110, 10.2.3)."""
        seconds = self._receiver.behaviour.retry_after_seconds
        if result is not SimulatedResult.THROTTLE or seconds is None:
            return {}
        return {"Retry-After": str(math.ceil(seconds))}


@asynccontextmanager
async def http_server(receiver: Receiver, host: str, port: int) -> AsyncIterator[int]:
    """Serve on this port, and yield the port. 0 is any free one. Raises OSError if the port cannot be used."""
    routes = GatewayRoutes(receiver)
    app = web.Application(client_max_size=MAX_MESSAGE_BYTES)
    app.add_routes(
        [
            web.post("/send", routes.send),
            web.get("/taken", routes.show),
            web.delete("/taken", routes.forget),
            web.get("/", routes.show_page),
            web.get(CERTIFICATE_PATH, routes.show_certificate),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _json(document: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    text = json_text(document, orjson.OPT_NON_STR_KEYS)
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")
