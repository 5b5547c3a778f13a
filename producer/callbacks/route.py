"""`POST /communication/callback/{provider}`: check who calls, publish the receipts and answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from fastapi import APIRouter, Request, Response

from producer.callbacks.callback import read_callback
from producer.callbacks.check_caller import CallerCheck, RepeatedCallbackError
from producer.callbacks.counts import CallbackCounts
from producer.callbacks.publish import publish_receipts
from producer.callbacks.receipt_records import ReceiptRecord, receipt_record
from producer.callbacks.route_description import EXTRA, RESPONSES
from producer.callbacks.sources import ReceiptSource, sources_of
from producer.callbacks.tenant_sources import TenantSources
from producer.dependencies import Dependencies
from producer.errors import (
    BadRequestError,
    ForeignCallError,
    TooLargeError,
    UnavailableError,
    UnsignedCallError,
)
from producer.http.body_arrival import ArrivalBounds
from producer.http.request_bodies import RequestBodyReader
from producer.responses import json_response
from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.receipt_format import (
    Callback,
    CallbackUnavailableError,
    ForeignCallbackError,
    ReceiptFormat,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from schemas.callbacks import CallbackResult, CallbackResultResponse

PATH = "/communication/callback/{provider}"
MAX_BODY_BYTES = 1024 * 1024
"""Maximum size of a body in bytes."""
_ROOM_BODIES = 8
"""Memory for the bodies above 64 KiB of one provider, in bodies of the maximum size with the copies of their text."""
_RECORD_WEIGHT = 1024
"""Weight of one record in the budget of a turn. A phone number that is not plain takes 50 µs."""


class CallbackEndpoint:
    """Answers callbacks, bound to the parts of the service."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._sources = sources_of(deps.settings.receipt_entries)
        self._tenant_sources = TenantSources(deps.gateway, deps.sealer, deps.clock.monotonic)
        self._check = CallerCheck(deps.gateway, deps.sealer, deps.clock.now)
        # Bodies of strangers have a room of their own, so that no request waits for them.
        arrival = ArrivalBounds(deps.settings.min_body_bytes_per_second)
        self._body_reader = RequestBodyReader(_ROOM_BODIES * MAX_BODY_BYTES, arrival)
        self._counts = CallbackCounts(deps.metrics.registry, deps.clock.monotonic)

    async def respond(self, request: Request, provider: str, secret: str | None) -> Response:
        """Publish the receipts of a call. Raises ApiError."""
        with self._counted_refusals(None):
            source = self._sources.get(provider) or await self._tenant_sources.find(provider)
        with self._counted_refusals(source):
            # Those without a provider share one room.
            room = source.provider if source else ""
            async with self._body_reader.read(request, room, MAX_BODY_BYTES, media_type=None) as raw:
                if source is None:
                    raise UnsignedCallbackError
                now = self._deps.clock.now()
                callback = read_callback(request, bytes(raw), self._deps.settings.public_url, secret, now)
                vendor_format = await self._check.check(source, callback)
                prepare = partial(self._prepare, source, vendor_format, callback)
                receipts = await self._body_reader.run_bounded(raw, prepare)
                raw.clear()
                if records := [record for _, record in receipts if record]:
                    await publish_receipts(self._deps, records)
        for receipt, record in receipts:
            self._counts.count(source, receipt, was_published=record is not None)
        data = CallbackResult(provider=provider, received=True)
        return json_response(CallbackResultResponse(code=200, data=data, message="ok", timestamp=now))

    async def _prepare(
        self, source: ReceiptSource, vendor_format: ReceiptFormat, callback: Callback
    ) -> list[tuple[VendorReceipt, ReceiptRecord | None]]:
        """Return the receipts of a call, each with its record. One without an id has none."""
        budget, sealer, region = self._deps.turn_budget, self._deps.sealer, self._deps.settings.default_region
        receipts = await budget.run(partial(vendor_format.read, callback), len(callback.body))
        if len(receipts) > MAX_RECEIPTS:
            raise TooLargeError(f"at most {MAX_RECEIPTS:,} receipts are allowed in one call. Nothing was changed.")
        prepared = []
        for each in receipts:
            await budget.wait(_RECORD_WEIGHT)
            prepared.append((each, receipt_record(source, each, sealer, region)))
        return prepared

    @contextmanager
    def _counted_refusals(self, source: ReceiptSource | None) -> Iterator[None]:
        """Count a call that is refused, and turn the errors of formats into those of the API."""
        try:
            yield
        except UnsignedCallbackError as error:
            self._counts.refused(source, "unsigned", str(error))
            raise UnsignedCallError from None
        except RepeatedCallbackError:
            self._counts.refused(source, "repeated")
            raise UnsignedCallError from None
        except ForeignCallbackError as error:
            self._counts.refused(source, "foreign", str(error))
            raise ForeignCallError from None
        except CallbackUnavailableError as error:
            self._counts.refused(source, "unavailable", str(error))
            raise UnavailableError("the call cannot be checked at the moment. Send it again.") from None
        except UnreadableCallbackError as error:
            self._counts.refused(source, "unreadable", str(error))
            raise BadRequestError("the body does not have the form of the provider's receipts") from None
        except TooLargeError:
            self._counts.refused(source, "too_large")
            raise
        except UnavailableError:
            self._counts.refused(source, "unavailable")
            raise


def callback_routes(deps: Dependencies) -> APIRouter:
    """Return the routes. They need no token, because the provider signs its calls."""
    router, endpoint = APIRouter(), CallbackEndpoint(deps)

    @router.post(PATH, response_model=CallbackResultResponse, responses=RESPONSES, openapi_extra=EXTRA)
    async def receive_callback(request: Request, provider: str) -> Response:
        """Take receipts of a provider. The answer is 200 once Kafka has acknowledged all of them."""
        return await endpoint.respond(request, provider, None)

    @router.post(f"{PATH}/{{secret}}", response_model=CallbackResultResponse, responses=RESPONSES, openapi_extra=EXTRA)
    async def receive_callback_with_secret(request: Request, provider: str, secret: str) -> Response:
        """Take receipts of a provider whose entry has a path secret."""
        return await endpoint.respond(request, provider, secret)

    return router
