"""SMS from people to a number of ours, as webhooks of vendors report them.

The checks of the formats cover these calls as well, because a vendor signs all its webhooks in one way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from providers.receipts.callback_forms import has_json, read_form
from providers.receipts.callback_values import address_of, id_of, inner, read_object, text_of
from providers.receipts.receipt_format import Callback, UnreadableCallbackError
from schemas.validation_errors import path_of

MAX_MESSAGES = 100
"""Maximum number of messages of one call."""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """SMS that came in. Its repr shows nothing of it."""

    id: str = field(repr=False)
    """Id of the vendor. A repeat has the same."""
    sender: str = field(repr=False)
    """Number as the vendor writes it."""
    text: str = field(repr=False)


class _GatewayMessage(BaseModel):
    """One message in the body of the generic format."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    message_id: Annotated[str, Field(min_length=1, max_length=200)]
    sender: Annotated[str, Field(min_length=1, max_length=320, alias="from")]
    text: Annotated[str, Field(max_length=10_000)]


class _GatewayMessages(BaseModel):
    """Body of the generic format."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    inbound: Annotated[tuple[_GatewayMessage, ...], Field(max_length=MAX_MESSAGES), FailFast()]


def _read_generic(callback: Callback) -> list[InboundMessage]:
    """Return the messages of the generic format (docs/inbound.md)."""
    try:
        body = _GatewayMessages.model_validate_json(callback.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise UnreadableCallbackError(f"{path_of(first['loc']) or 'body'}: {first['msg']}") from None
    return [InboundMessage(item.message_id, item.sender, item.text) for item in body.inbound]


def _read_twilio(callback: Callback) -> list[InboundMessage]:
    """Return the message of a form.

    Fields: https://www.twilio.com/docs/messaging/guides/webhook-request. `OptOutType` is the meaning that Twilio itself
    gives to a word that the operator has added to Advanced Opt-Out:
    https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out.
    """
    fields = dict(read_form(callback.body))
    text = fields.get("OptOutType") or fields.get("Body")
    return [_message(fields.get("MessageSid"), fields.get("From"), text, "MessageSid, From or Body")]


def _read_vonage(callback: Callback) -> list[InboundMessage]:
    """Return the message of the SMS API or of the Messages API.

    Fields: https://developer.vonage.com/en/messaging/sms/guides/inbound-sms and
    https://developer.vonage.com/en/api/messages. A binary message has no text, and means nothing here.
    """
    fields: dict[str, Any] = read_object(callback.body) if has_json(callback) else dict(read_form(callback.body))
    if "message_uuid" in fields:
        text = fields.get("text") if inner(fields, "channel") == "sms" else ""
        return [_message(fields.get("message_uuid"), fields.get("from"), text or "", "message_uuid or from")]
    text = "" if fields.get("type") == "binary" else fields.get("text")
    return [_message(fields.get("messageId"), fields.get("msisdn"), text, "messageId, msisdn or text")]


def _message(message_id: object, sender: object, text: object, needed: str) -> InboundMessage:
    """Return a message. Raises UnreadableCallbackError if a part is missing."""
    found_id, found_sender = id_of(message_id), address_of(sender)
    if found_id is None or found_sender is None or not isinstance(text, str):
        raise UnreadableCallbackError(f"{needed} is missing")
    return InboundMessage(found_id, found_sender, text_of(text))


INBOUND_READERS: dict[str, Callable[[Callback], list[InboundMessage]]] = {
    "simulator": _read_generic,
    "http": _read_generic,
    "twilio": _read_twilio,
    "vonage": _read_vonage,
}
"""Functions that read the messages of a call that the format of the same kind has checked.

Each raises UnreadableCallbackError.
"""
