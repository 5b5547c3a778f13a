"""`POST /communication/callback/{provider}`: check who calls, publish the receipts and answer."""

from functools import partial

from fastapi import APIRouter, Request, Response

from producer.callbacks.accept_call import AcceptedCall, CallGate
from producer.callbacks.publish import publish_receipts
from producer.callbacks.receipt_records import ReceiptRecord, receipt_record
from producer.callbacks.route_description import EXTRA, RESPONSES
from producer.dependencies import Dependencies
from producer.errors import TooLargeError
from producer.responses import json_response
from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.receipt_format import VendorReceipt
from schemas.callbacks import CallbackResult, CallbackResultResponse

PATH = "/communication/callback/{provider}"
_RECORD_WEIGHT = 1024
"""Weight of one record in the budget of a turn. A phone number that is not plain takes 50 µs."""


class CallbackEndpoint:
    """Answers callbacks, bound to the parts of the service."""

    def __init__(self, deps: Dependencies, gate: CallGate) -> None:
        self._deps, self._gate = deps, gate

    async def respond(self, request: Request, provider: str, secret: str | None) -> Response:
        """Publish the receipts of a call. Raises ApiError."""
        async with self._gate.accepted(request, provider, secret) as call:
            prepare = partial(self._prepare, call)
            receipts = await self._gate.body_reader.run_bounded(call.raw, prepare)
            call.raw.clear()
            if records := [record for _, record in receipts if record]:
                await publish_receipts(self._deps, records)
        for receipt, record in receipts:
            self._gate.counts.count(call.source, receipt, was_published=record is not None)
        data, now = CallbackResult(provider=provider, received=True), call.callback.received_at
        return json_response(CallbackResultResponse(code=200, data=data, message="ok", timestamp=now))

    async def _prepare(self, call: AcceptedCall) -> list[tuple[VendorReceipt, ReceiptRecord | None]]:
        """Return the receipts of a call, each with its record. One without an id has none."""
        budget, sealer, region = self._deps.turn_budget, self._deps.sealer, self._deps.settings.default_region
        receipts = await budget.run(partial(call.format.read, call.callback), len(call.callback.body))
        if len(receipts) > MAX_RECEIPTS:
            raise TooLargeError(f"at most {MAX_RECEIPTS:,} receipts are allowed in one call. Nothing was changed.")
        prepared = []
        for each in receipts:
            await budget.wait(_RECORD_WEIGHT)
            prepared.append((each, receipt_record(call.source, each, sealer, region)))
        return prepared


def callback_routes(deps: Dependencies, gate: CallGate) -> APIRouter:
    """Return the routes. They need no token, because the provider signs its calls."""
    router, endpoint = APIRouter(), CallbackEndpoint(deps, gate)

    @router.post(PATH, response_model=CallbackResultResponse, responses=RESPONSES, openapi_extra=EXTRA)
    async def receive_callback(request: Request, provider: str) -> Response:
        """Take receipts of a provider. The answer is 200 once Kafka has acknowledged all of them."""
        return await endpoint.respond(request, provider, None)

    @router.post(f"{PATH}/{{secret}}", response_model=CallbackResultResponse, responses=RESPONSES, openapi_extra=EXTRA)
    async def receive_callback_with_secret(request: Request, provider: str, secret: str) -> Response:
        """Take receipts of a provider whose entry has a path secret."""
        return await endpoint.respond(request, provider, secret)

    return router
