"""Receipts of Twilio: signatures of its own library, the account, and what each status and error means."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import ImmutableMultiDict

from providers.receipts.callback_forms import MAX_FIELDS
from providers.receipts.receipt_format import (
    Callback,
    ForeignCallbackError,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.twilio import ERRORS, TABLE, TwilioReceiptEntry, TwilioReceipts
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.unit.providers.receipts.callbacks import (
    DELIVERY_ID,
    NOW,
    URL,
    a_callback,
    check_that_each_changed_byte_is_refused,
    check_that_it_needs_its_headers,
    refuses,
    with_header,
)

ACCOUNT = "AC" + "0" * 32
MESSAGE = "SM" + "1" * 32
TO = "+447700900000"
TOKEN = "a" * 32
SHARED_KEY = "b" * 40
SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
FORM = {
    "MessageSid": MESSAGE,
    "MessageStatus": "delivered",
    "AccountSid": ACCOUNT,
    "To": TO,
    "From": "+15005550006",
    "ApiVersion": "2010-04-01",
    "Empty": "",
}
STATUS_URL = f"{URL}?delivery_id={DELIVERY_ID}"
JSON = {"content-type": "application/json"}


def the_format(**fields: Any) -> TwilioReceipts:
    keys = {"kind": "twilio", "provider": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN, **fields}
    return TwilioReceipts(TwilioReceiptEntry.model_validate(keys))


def a_form(fields: Any, url: str = STATUS_URL, signed_url: str | None = None) -> Callback:
    """Return a status callback with the signature of Twilio's own library."""
    pairs = list(fields.items()) if isinstance(fields, dict) else fields
    signature = RequestValidator(TOKEN).compute_signature(signed_url or url, MultiDict(pairs))
    return a_callback(urlencode(pairs).encode(), {SIGNATURE: signature}, url)


class MultiDict(ImmutableMultiDict[str, str]):
    """Fields as the library takes them from Flask and Django."""


def some_events(*events: Any) -> Callback:
    """Return a call of a sink of Event Streams, with the signature of Twilio's own library."""
    body = orjson.dumps(events)
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    return a_callback(body, {SIGNATURE: RequestValidator(TOKEN).compute_signature(url, {}), **JSON}, url)


def an_event(**data: Any) -> dict[str, Any]:
    fields = {"messageSid": MESSAGE, "accountSid": ACCOUNT, "messageStatus": "DELIVERED", "to": TO, **data}
    return {"specversion": "1.0", "type": "com.twilio.messaging.message.delivered", "data": fields}


async def test_a_form_that_twilio_signed_is_accepted_and_each_changed_byte_is_refused() -> None:
    await check_that_each_changed_byte_is_refused(the_format(), a_form(FORM))
    await check_that_it_needs_its_headers(the_format(), a_form(FORM), SIGNATURE)


async def test_a_changed_url_is_refused() -> None:
    other = STATUS_URL.replace(DELIVERY_ID, DELIVERY_ID[:-1] + "2")

    assert await refuses(the_format(), replace(a_form(FORM), url=other))


@pytest.mark.parametrize(
    ("url", "signed_url"),
    [
        ("https://a.example/c?x=1", "https://a.example:443/c?x=1"),
        ("https://a.example:443/c?x=1", "https://a.example/c?x=1"),
        ("https://a.example:8443/c", "https://a.example/c"),
        ("http://a.example/c", "http://a.example:80/c"),
        ("https://a.example", "https://a.example:443"),
    ],
)
async def test_the_port_may_be_in_the_signed_url_or_not(url: str, signed_url: str) -> None:
    await the_format().check(a_form(FORM, url, signed_url))


async def test_the_url_may_have_parameters_of_the_operator() -> None:
    callback = a_form(FORM, f"{URL}?debug&x=%41&&delivery_id={DELIVERY_ID}")

    await the_format().check(callback)
    assert the_format().read(callback)[0].delivery_id == DELIVERY_ID


async def test_another_port_is_refused() -> None:
    assert await refuses(the_format(), a_form(FORM, "https://a.example/c", "https://a.example:8443/c"))


async def test_fields_that_are_given_twice_are_signed_as_twilios_library_does() -> None:
    pairs = [*FORM.items(), ("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "b")]

    await the_format().check(a_form(pairs))


async def test_a_shared_key_signs_with_the_hash_that_the_header_names() -> None:
    receipts = the_format(shared_key=SHARED_KEY, auth_token=None)
    settings = "key=webhooks_sharedkey_0,algorithm=HMAC_SHA256"
    signature = RequestValidator(SHARED_KEY).compute_signature(STATUS_URL, FORM, "HMAC_SHA256")
    callback = a_callback(urlencode(FORM).encode(), {SIGNATURE: signature, SETTINGS: settings}, STATUS_URL)

    await check_that_each_changed_byte_is_refused(receipts, callback)
    await check_that_it_needs_its_headers(receipts, callback, SIGNATURE)
    assert await refuses(receipts, with_header(callback, SETTINGS, None))
    assert await refuses(receipts, with_header(callback, SETTINGS, settings.replace("256", "1")))
    assert await refuses(receipts, with_header(callback, SETTINGS, settings.replace("HMAC_SHA256", "NONE")))
    assert await refuses(receipts, a_form(FORM))
    assert await refuses(the_format(), callback)


async def test_events_that_twilio_signed_are_accepted_and_each_changed_byte_is_refused() -> None:
    callback = some_events(an_event())

    await check_that_each_changed_byte_is_refused(the_format(), callback)
    await check_that_it_needs_its_headers(the_format(), callback, SIGNATURE)
    assert await refuses(the_format(), with_header(callback, "content-type", "application/x-www-form-urlencoded"))


async def test_json_without_its_hash_in_the_url_is_refused() -> None:
    signature = RequestValidator(TOKEN).compute_signature(URL, {})

    assert await refuses(the_format(), a_callback(b"[]", {SIGNATURE: signature, **JSON}, URL))


@pytest.mark.parametrize(
    "callback",
    [
        a_form({**FORM, "AccountSid": "AC" + "1" * 32}),
        a_form({name: value for name, value in FORM.items() if name != "AccountSid"}),
        a_form([*FORM.items(), ("AccountSid", "AC" + "1" * 32)]),
        some_events(an_event(), an_event(accountSid="AC" + "1" * 32)),
    ],
)
async def test_a_callback_of_another_account_is_foreign(callback: Callback) -> None:
    with pytest.raises(ForeignCallbackError):
        await the_format().check(callback)


async def test_a_form_with_too_many_fields_is_refused_before_it_is_parsed() -> None:
    fields = {f"field{number}": "" for number in range(MAX_FIELDS + 1)}

    assert await refuses(the_format(), a_form({**FORM, **fields}))


async def test_a_secret_of_the_path_is_needed_as_well_if_the_entry_has_one() -> None:
    receipts = the_format(path_secret="s" * 32)

    await receipts.check(replace(a_form(FORM), path_secret="s" * 32))
    assert await refuses(receipts, a_form(FORM))


@pytest.mark.parametrize("keys", [{"auth_token": None}, {"account_sid": "AC1"}, {"auth_token": "short"}])
def test_a_wrong_entry_is_refused_and_its_value_is_not_shown(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"auth_token|account_sid") as refused:
        the_format(**keys)
    assert TOKEN not in str(refused.value)


def test_a_receipt_has_our_id_and_that_of_twilio_and_no_number() -> None:
    assert the_format().read(a_form(FORM)) == [
        VendorReceipt(ReceiptStatus.DELIVERED, "delivered", NOW, DELIVERY_ID, MESSAGE)
    ]


@pytest.mark.parametrize(("status", "meaning"), TABLE.statuses.items())
def test_each_status_has_its_meaning(status: str, meaning: tuple[ReceiptStatus, None]) -> None:
    (receipt,) = the_format().read(a_form({**FORM, "MessageStatus": status}))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*meaning, status)


@pytest.mark.parametrize(("error", "meaning"), [*ERRORS.statuses.items(), ("30007", (ReceiptStatus.FAILED, None))])
@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_each_error_has_its_class(status: str, error: str, meaning: tuple[ReceiptStatus, Any]) -> None:
    (receipt,) = the_format().read(a_form({**FORM, "MessageStatus": status, "ErrorCode": error}))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*meaning, error)


@pytest.mark.parametrize(("status", "code"), [("partially_delivered", "partially_delivered"), (TO, "unknown")])
def test_an_unknown_status_is_unrecognised_and_its_code_shows_no_number(status: str, code: str) -> None:
    (receipt,) = the_format().read(a_form({**FORM, "MessageStatus": status, "ErrorCode": "21610"}))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (ReceiptStatus.UNRECOGNISED, None, code)


def test_a_message_that_failed_without_an_error_has_its_status_as_code() -> None:
    (receipt,) = the_format().read(a_form({**FORM, "MessageStatus": "failed", "ErrorCode": ""}))

    assert (receipt.status, receipt.code) == (ReceiptStatus.FAILED, "failed")


def test_each_event_of_a_message_is_a_receipt() -> None:
    failed = an_event(messageStatus="UNDELIVERED", errorCode=30003, timestamp="2026-11-30T11:00:00.000Z")
    received = {"type": "com.twilio.messaging.inbound-message.received", "data": {"messageSid": MESSAGE}}

    assert the_format().read(some_events(an_event(), failed, received, {})) == [
        VendorReceipt(ReceiptStatus.DELIVERED, "delivered", NOW, None, MESSAGE),
        VendorReceipt(
            ReceiptStatus.FAILED,
            "30003",
            datetime(2026, 11, 30, 11, tzinfo=UTC),
            None,
            MESSAGE,
            None,
            ReceiptClass.SOFT_BOUNCE,
        ),
    ]


@pytest.mark.parametrize("name", ["MessageSid", "MessageStatus"])
def test_a_form_without_a_message_or_its_status_cannot_be_read(name: str) -> None:
    fields = {key: value for key, value in FORM.items() if key != name}

    with pytest.raises(UnreadableCallbackError):
        the_format().read(a_form(fields))


async def test_signed_events_that_cannot_be_read_are_no_forgery() -> None:
    body = b"{"
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    digest = hmac.digest(TOKEN.encode(), url.encode(), "sha1")
    callback = a_callback(body, {SIGNATURE: base64.b64encode(digest).decode(), **JSON}, url)

    await the_format().check(callback)
    with pytest.raises(UnreadableCallbackError):
        the_format().read(callback)


async def test_an_error_shows_nothing_of_the_callback() -> None:
    with pytest.raises(UnsignedCallbackError) as refused:
        await the_format().check(with_header(a_form(FORM), SIGNATURE, "wrong"))
    assert str(refused.value) == "X-Twilio-Signature is missing or wrong"
    assert TO not in repr(a_form(FORM))
