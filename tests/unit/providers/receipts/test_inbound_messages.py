"""SMS from people, in the webhooks of vendors. The checks of the formats cover them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from providers.receipts.inbound_messages import INBOUND_READERS, MAX_MESSAGES, InboundMessage
from providers.receipts.receipt_format import Callback, UnreadableCallbackError
from tests.unit.providers.receipts import test_twilio_receipts as twilio
from tests.unit.providers.receipts import test_vonage_receipts as vonage
from tests.unit.providers.receipts.callbacks import a_callback, check_that_each_changed_byte_is_refused, seconds

TO = "+15005550006"
FROM = "+447700900000"
SMS = {
    "MessageSid": "SM" + "2" * 32,
    "AccountSid": twilio.ACCOUNT,
    "From": FROM,
    "To": TO,
    "Body": "Stop",
    "NumMedia": "0",
}
"""Webhook of https://www.twilio.com/docs/messaging/guides/webhook-request."""
INBOUND = {
    "msisdn": FROM[1:],
    "to": TO[1:],
    "messageId": "0A0000000123ABCD1",
    "text": "Stop",
    "type": "text",
    "keyword": "STOP",
    "message-timestamp": "2026-11-30 11:59:00",
    "api-key": vonage.KEY,
    "timestamp": seconds(),
    "nonce": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
}
"""Webhook of https://developer.vonage.com/en/messaging/sms/guides/inbound-sms."""
OF_MESSAGES_API = {
    "channel": "sms",
    "message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    "from": FROM[1:],
    "to": TO[1:],
    "message_type": "text",
    "text": "Stop",
}
GENERIC = {"message_id": "m-1", "from": FROM, "text": "Stop"}
EXPECTED = {
    "twilio": InboundMessage(SMS["MessageSid"], FROM, "Stop"),
    "vonage": InboundMessage(INBOUND["messageId"], FROM[1:], "Stop"),
    "http": InboundMessage("m-1", FROM, "Stop"),
}


def without(fields: Mapping[str, str], name: str) -> Callback:
    """Return the form without a field."""
    return a_form({key: value for key, value in fields.items() if key != name})


def a_form(fields: Mapping[str, str]) -> Callback:
    return a_callback(urlencode(fields).encode())


def some_json(body: Any) -> Callback:
    return a_callback(orjson.dumps(body), {"content-type": "application/json"})


def generic(*messages: Any) -> Callback:
    return some_json({"inbound": messages})


def of_vonage(**changes: str) -> Callback:
    signed = {**INBOUND, **changes}
    return a_form({**signed, "sig": vonage.signature_of(signed)})


@pytest.mark.parametrize(
    ("kind", "callback"), [("twilio", twilio.a_form(SMS)), ("vonage", of_vonage()), ("http", generic(GENERIC))]
)
def test_a_message_has_its_id_its_sender_and_its_text(kind: str, callback: Callback) -> None:
    assert INBOUND_READERS[kind](callback) == [EXPECTED[kind]]


async def test_the_check_of_twilio_covers_a_message() -> None:
    await check_that_each_changed_byte_is_refused(twilio.the_format(), twilio.a_form(SMS))


async def test_the_check_of_vonage_covers_a_message_of_both_of_its_apis() -> None:
    await check_that_each_changed_byte_is_refused(vonage.the_format(), vonage.with_token(orjson.dumps(OF_MESSAGES_API)))
    await vonage.the_format().check(of_vonage())
    assert await vonage.refuses(vonage.the_format(), a_form({**INBOUND, "text": "Start", "sig": "0" * 64}))


def test_twilio_says_itself_how_it_understood_a_word_of_the_operator() -> None:
    (message,) = INBOUND_READERS["twilio"](a_form({**SMS, "Body": "Abmelden", "OptOutType": "STOP"}))

    assert message.text == "STOP"


def test_a_message_of_vonages_messages_api_is_read_and_only_an_sms_has_a_text() -> None:
    (message,) = INBOUND_READERS["vonage"](some_json(OF_MESSAGES_API))
    (other,) = INBOUND_READERS["vonage"](some_json({**OF_MESSAGES_API, "channel": "whatsapp"}))

    assert (message.id, message.sender, message.text) == (OF_MESSAGES_API["message_uuid"], FROM[1:], "Stop")
    assert other.text == ""


def test_a_binary_message_has_no_text() -> None:
    (message,) = INBOUND_READERS["vonage"](of_vonage(type="binary", text="Stop"))

    assert message.text == ""


@pytest.mark.parametrize(
    ("kind", "callback"),
    [
        *(("twilio", without(SMS, name)) for name in ("MessageSid", "From", "Body")),
        *(("vonage", without(INBOUND, name)) for name in ("messageId", "msisdn", "text")),
        ("twilio", twilio.a_form(twilio.FORM)),
        ("vonage", some_json([])),
        ("http", some_json({"receipts": []})),
        ("http", generic({**GENERIC, "from": ""})),
        ("http", generic({**GENERIC, "text": 7})),
        ("http", generic({"from": FROM, "text": "Stop"})),
        ("http", a_callback(b"{")),
    ],
)
def test_a_body_without_a_message_cannot_be_read(kind: str, callback: Callback) -> None:
    with pytest.raises(UnreadableCallbackError) as refused:
        INBOUND_READERS[kind](callback)
    assert FROM[1:] not in str(refused.value)


def test_the_messages_of_a_call_are_bounded() -> None:
    assert len(INBOUND_READERS["http"](generic(*[GENERIC] * MAX_MESSAGES))) == MAX_MESSAGES
    with pytest.raises(UnreadableCallbackError):
        INBOUND_READERS["http"](generic(*[GENERIC] * (MAX_MESSAGES + 1)))


def test_the_repr_of_a_message_shows_nothing_of_it() -> None:
    assert repr(EXPECTED["http"]) == "InboundMessage()"
