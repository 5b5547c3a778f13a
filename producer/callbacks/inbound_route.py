"""`POST /communication/inbound/{provider}`: SMS from people. STOP, START and HELP have an effect, and nothing else."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from core.addresses import AddressProblem, AddressRules
from core.ids import RequestKey, callback_key
from core.opt_out_words import OptOutWord, read_word
from ledger.idempotency_record import IdempotencyRecord
from producer.callbacks.accept_call import AcceptedCall, CallGate
from producer.callbacks.opt_outs import apply_word
from producer.callbacks.route_description import RESPONSES
from producer.dependencies import Dependencies
from providers.receipts.inbound_messages import INBOUND_READERS, InboundMessage
from schemas.statuses import Channel

PATH = "/communication/inbound/{provider}"

_OTHER, _NOT_SMS = "other", "not_sms"
_KINDS = frozenset(INBOUND_READERS)
_EXTRA: dict[str, Any] = {
    "requestBody": {
        "description": "The body as the provider sends it, of any media type. docs/inbound.md has the generic format.",
        "required": False,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "examples": {
                    "generic": {"value": {"inbound": [{"message_id": "m-1", "from": "+8613800138000", "text": "STOP"}]}}
                },
            },
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object"},
                "examples": {
                    "twilio": {
                        "value": {"MessageSid": f"SM{'0' * 32}", "From": "+15005550006", "Body": "STOP"},
                    }
                },
            },
        },
    }
}


class InboundEndpoint:
    """Answers calls with SMS from people, bound to the parts of the service."""

    def __init__(self, deps: Dependencies, gate: CallGate) -> None:
        self._deps, self._gate = deps, gate

    async def respond(self, request: Request, provider: str, secret: str | None) -> Response:
        """Do what the messages of a call ask for, in their order. Raises ApiError.

        The answer has no body, because Twilio would send one to the person.
        """
        async with self._gate.accepted(request, provider, secret, _KINDS) as call:
            read = partial(INBOUND_READERS[call.source.kind], call.callback)
            messages = await self._deps.turn_budget.run(read, len(call.callback.body))
            call.raw.clear()
            for message in messages:
                self._gate.counts.inbound(call.source, await self._take(call, message))
        return Response(status_code=204)

    async def _take(self, call: AcceptedCall, message: InboundMessage) -> str:
        """Do what a message asks for, once. Return the label of the metric."""
        await self._deps.turn_budget.wait(len(message.text))
        number = self._read_number(message.sender)
        if number is None:
            return _NOT_SMS
        word = read_word(message.text, number)
        if word in {OptOutWord.STOP, OptOutWord.START}:
            await self._once(call, message, word, number)
        return word or _OTHER

    async def _once(self, call: AcceptedCall, message: InboundMessage, word: OptOutWord, number: str) -> None:
        """Apply a word unless the message was applied before: a late repeat must not undo a newer message."""
        gateway, key = self._deps.gateway, callback_key(call.source.provider, f"inbound {message.id}")
        if await gateway.query(lambda ledger: ledger.keys.get(key)) is not None:
            return
        if not await apply_word(self._deps, call.source, word, number) and word is OptOutWord.STOP:
            return  # The log of the message that it answers may not be written yet. A repeat must find it.
        record = self._record(key, call)
        await gateway.query(lambda ledger: ledger.keys.insert_or_get(record))

    def _record(self, key: RequestKey, call: AcceptedCall) -> IdempotencyRecord:
        sealer = self._deps.sealer
        digest = sealer.hash(call.callback.body, sealer.newest)
        return IdempotencyRecord(key, call.source.tenant_id or "", sealer.newest, digest, call.callback.received_at)

    def _read_number(self, sender: str) -> str | None:
        """Return the number in E.164. Vonage writes it without the plus. None: the sender is not a phone."""
        digits = sender.isascii() and sender.isdecimal()
        rules = AddressRules(Channel.SMS, self._deps.settings.default_region)
        for written in (f"+{sender}", sender) if digits else (sender,):
            if not isinstance(number := rules.read(written), AddressProblem):
                return number
        return None


def inbound_routes(deps: Dependencies, gate: CallGate) -> APIRouter:
    """Return the routes. They need no token, because the provider signs its calls."""
    router, endpoint = APIRouter(), InboundEndpoint(deps, gate)
    described: dict[str, Any] = {"status_code": 204, "responses": RESPONSES, "openapi_extra": _EXTRA}

    @router.post(PATH, **described)
    async def receive_inbound(request: Request, provider: str) -> Response:
        """Take SMS from people. STOP suppresses the number, START undoes that, and other texts change nothing."""
        return await endpoint.respond(request, provider, None)

    @router.post(f"{PATH}/{{secret}}", **described)
    async def receive_inbound_with_secret(request: Request, provider: str, secret: str) -> Response:
        """Take SMS from people over a provider whose entry has a path secret."""
        return await endpoint.respond(request, provider, secret)

    return router
