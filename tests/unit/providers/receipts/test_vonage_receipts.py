"""Receipts of Vonage: signatures of its own libraries, the account, and what each status and error means."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
import orjson
import pytest
from vonage_http_client import Auth
from vonage_jwt import verify_signature

from providers.receipts.receipt_format import (
    Callback,
    ForeignCallbackError,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.vonage import VonageReceiptEntry, VonageReceipts
from providers.receipts.vonage_tables import MESSAGES, MESSAGES_ERRORS, SMS, SMS_ERRORS
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.unit.providers.receipts.callbacks import (
    DELIVERY_ID,
    NOW,
    a_callback,
    check_that_each_changed_byte_is_refused,
    check_that_it_needs_its_headers,
    refuses,
    seconds,
    with_header,
)

KEY = "abcd1234"
SECRET = "s" * 32
JSON = {"content-type": "application/json"}
PARAMETERS = {
    "msisdn": "447700900000",
    "to": "AT&T=ok",
    "network-code": "23430",
    "messageId": "0A0000001234567B",
    "price": "0.03330000",
    "status": "delivered",
    "scts": "2001011400",
    "err-code": "0",
    "api-key": KEY,
    "client-ref": DELIVERY_ID,
    "message-timestamp": "2026-11-30 11:59:00",
    "timestamp": seconds(),
    "nonce": "ec11dd3e-1e7f-4db5-9467-82b02cd223b9",
}
"""Delivery receipt of https://developer.vonage.com/en/api/sms."""
STATUS = {
    "message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    "to": "447700900000",
    "from": "447700900001",
    "timestamp": "2026-11-30T11:59:00.000Z",
    "status": "delivered",
    "client_ref": DELIVERY_ID,
    "usage": {"currency": "EUR", "price": "0.0333"},
    "channel": "sms",
}
"""Callback of https://developer.vonage.com/en/messages/concepts/messages-status-callbacks."""
RECEIPT = VendorReceipt(
    ReceiptStatus.DELIVERED,
    "delivered",
    datetime(2026, 11, 30, 11, 59, tzinfo=UTC),
    DELIVERY_ID,
    "0A0000001234567B",
)


def the_format(**fields: Any) -> VonageReceipts:
    keys = {"kind": "vonage", "provider": "vonage", "api_key": KEY, "signature_secret": SECRET, **fields}
    return VonageReceipts(VonageReceiptEntry.model_validate(keys))


def signature_of(fields: dict[str, Any], method: Any = "sha256") -> str:
    """Return the signature of Vonage's own library."""
    return Auth(KEY, signature_secret=SECRET, signature_method=method).sign_params(dict(fields)).upper()


def a_form(method: str = "sha256", **fields: Any) -> Callback:
    signed = {**PARAMETERS, **fields}
    return a_callback(urlencode({**signed, "sig": signature_of(signed, method)}).encode())


def a_json(**fields: Any) -> Callback:
    signed = {**PARAMETERS, **fields}
    return a_callback(orjson.dumps({**signed, "sig": signature_of(signed)}), JSON)


def with_token(body: bytes, key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> Callback:
    content = {
        "iat": int(seconds()),
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": KEY,
        **claims,
    }
    token = jwt.encode({name: value for name, value in content.items() if value is not None}, key, algorithm)
    return a_callback(body, {"authorization": f"Bearer {token}", **JSON})


def a_status(**fields: Any) -> Callback:
    return with_token(orjson.dumps({**STATUS, **fields}))


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256", "sha512"])
async def test_parameters_that_vonages_library_signed_are_accepted_with_the_method_of_the_entry(method: str) -> None:
    await the_format(signature_method=method).check(a_form(method))
    assert await refuses(the_format(signature_method="md5hash"), a_form(method))


async def test_an_md5_hash_has_the_secret_at_its_end() -> None:
    text = "".join(f"&{name}={PARAMETERS[name]}" for name in sorted(PARAMETERS)).replace("AT&T=ok", "AT_T_ok")
    sig = hashlib.md5((text + SECRET).encode()).hexdigest()
    callback = a_callback(urlencode({**PARAMETERS, "sig": sig}).encode())

    await the_format(signature_method="md5hash").check(callback)
    assert await refuses(the_format(signature_method="md5"), callback)


@pytest.mark.parametrize("callback", [a_form(), a_json()])
async def test_each_changed_byte_of_the_parameters_is_refused(callback: Callback) -> None:
    await check_that_each_changed_byte_is_refused(the_format(), callback)


@pytest.mark.parametrize("name", ["sig", "timestamp"])
async def test_a_receipt_without_its_signature_or_its_time_stamp_is_refused(name: str) -> None:
    fields = {key: value for key, value in PARAMETERS.items() if key != name}
    text = "".join(f"&{key}={fields[key].replace('&', '_').replace('=', '_')}" for key in sorted(fields))
    sig = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()

    assert await refuses(
        the_format(), a_callback(urlencode(fields if name == "sig" else {**fields, "sig": sig}).encode())
    )


@pytest.mark.parametrize("sign", ["&", "="])
async def test_a_sign_that_the_signature_does_not_tell_from_another_is_refused_where_it_matters(sign: str) -> None:
    body = a_form().body

    assert await refuses(the_format(), a_callback(body.replace(b"log_", urlencode({"": f"log{sign}"}).encode()[1:])))


async def test_a_name_that_could_hide_another_parameter_is_refused() -> None:
    fields = {**PARAMETERS, "sig": signature_of(PARAMETERS)}
    hidden = {f"client-ref={DELIVERY_ID}&err-code": fields.pop("err-code")}
    fields.pop("client-ref")

    assert await refuses(the_format(), a_callback(urlencode({**fields, **hidden}).encode()))


async def test_a_parameter_that_is_given_twice_is_refused() -> None:
    assert await refuses(the_format(), a_callback(b"status=failed&" + a_form().body))


async def test_a_value_of_json_that_is_not_text_is_refused() -> None:
    body = orjson.dumps({**PARAMETERS, "price": {"EUR": "0.03"}, "sig": signature_of(PARAMETERS)})

    assert await refuses(the_format(), a_callback(body, JSON))


async def test_a_token_that_vonages_library_accepts_is_accepted_and_each_changed_byte_is_refused() -> None:
    callback = a_status()

    assert verify_signature(callback.headers["authorization"].removeprefix("Bearer "), SECRET)
    await check_that_each_changed_byte_is_refused(the_format(), callback)
    await check_that_it_needs_its_headers(the_format(), callback, "authorization")


BODY = orjson.dumps(STATUS)


@pytest.mark.parametrize(
    "callback",
    [
        with_token(BODY, key="S" * 32),
        with_token(BODY, key="s" * 64, algorithm="HS512"),
        with_token(BODY, key="", algorithm="none"),
        with_token(BODY, payload_hash=None),
        with_token(BODY, payload_hash="0" * 64),
        with_token(BODY, iat=None),
        with_token(BODY, api_key=None),
        a_callback(BODY, {"authorization": "Basic YTpi", **JSON}),
        a_callback(BODY, {"authorization": "Bearer " + "x" * 5_000, **JSON}),
        a_callback(BODY, {"authorization": "Bearer a.b.c", **JSON}),
        with_header(a_json(), "authorization", "Bearer"),
    ],
)
async def test_a_token_that_does_not_sign_the_body_is_refused(callback: Callback) -> None:
    assert await refuses(the_format(), callback)


async def test_a_time_stamp_may_be_as_old_as_vonage_repeats_a_receipt_and_no_older() -> None:
    await the_format().check(a_form(timestamp=seconds(timedelta(hours=72))))
    for before in (timedelta(hours=74), timedelta(seconds=-301)):
        assert await refuses(the_format(), a_form(timestamp=seconds(before)))
        assert await refuses(the_format(), with_token(BODY, iat=int(seconds(before))))
    assert await refuses(the_format(max_age_seconds=60), a_form(timestamp=seconds(timedelta(seconds=61))))


@pytest.mark.parametrize(
    "callback", [a_form(**{"api-key": "other"}), a_json(**{"api-key": ""}), with_token(BODY, api_key="x")]
)
async def test_a_callback_of_another_account_is_foreign(callback: Callback) -> None:
    with pytest.raises(ForeignCallbackError):
        await the_format().check(callback)


async def test_a_secret_of_the_path_is_needed_as_well_if_the_entry_has_one() -> None:
    receipts = the_format(path_secret="p" * 32)

    await receipts.check(replace(a_form(), path_secret="p" * 32))
    assert await refuses(receipts, a_form())


@pytest.mark.parametrize("field", [{"signature_secret": "short"}, {"signature_method": "crc32"}, {"api_key": ""}])
def test_a_wrong_entry_is_refused_by_its_field(field: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))) as refused:
        the_format(**field)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("callback", [a_form(), a_json()])
def test_a_delivery_receipt_has_our_id_and_that_of_vonage(callback: Callback) -> None:
    assert the_format().read(callback) == [RECEIPT]


def test_a_status_of_the_messages_api_has_our_id_and_that_of_vonage() -> None:
    assert the_format().read(a_status()) == [RECEIPT._replace(message_id=STATUS["message_uuid"])]


@pytest.mark.parametrize(("status", "meaning"), SMS.statuses.items())
def test_each_status_of_a_delivery_receipt_has_its_meaning(status: str, meaning: tuple[ReceiptStatus, Any]) -> None:
    (receipt,) = the_format().read(a_form(status=status))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*meaning, status)


@pytest.mark.parametrize(("error", "meaning"), [*SMS_ERRORS.statuses.items(), ("6", (ReceiptStatus.FAILED, None))])
def test_each_error_of_a_delivery_receipt_has_its_class(error: str, meaning: tuple[ReceiptStatus, Any]) -> None:
    (receipt,) = the_format().read(a_form(status="rejected", **{"err-code": error}))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*meaning, error)


def test_an_error_of_a_message_that_is_still_on_its_way_has_no_class() -> None:
    (receipt,) = the_format().read(a_form(status="buffered", **{"err-code": "7"}))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (ReceiptStatus.SENT, None, "buffered")


@pytest.mark.parametrize(("status", "meaning"), MESSAGES.statuses.items())
def test_each_status_of_the_messages_api_has_its_meaning(status: str, meaning: tuple[ReceiptStatus, Any]) -> None:
    (receipt,) = the_format().read(a_status(status=status))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*meaning, status)


@pytest.mark.parametrize(
    ("error", "meaning"), [*MESSAGES_ERRORS.statuses.items(), ("1210", (ReceiptStatus.FAILED, None))]
)
@pytest.mark.parametrize("kind", [str, int])
def test_each_error_of_the_messages_api_has_its_class(
    kind: type, error: str, meaning: tuple[ReceiptStatus, ReceiptClass | None]
) -> None:
    (receipt,) = the_format().read(a_status(status="rejected", error={"title": kind(error)}))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*meaning, error)


@pytest.mark.parametrize(("status", "code"), [("seen", "seen"), ("447700900000", "unknown")])
def test_an_unknown_status_is_unrecognised_and_its_code_shows_no_number(status: str, code: str) -> None:
    for callback in (a_form(status=status), a_status(status=status)):
        (receipt,) = the_format().read(callback)
        assert (receipt.status, receipt.receipt_class, receipt.code) == (ReceiptStatus.UNRECOGNISED, None, code)


@pytest.mark.parametrize("moment", ["", "soon", "2026-13-01 00:00:00", "2027-01-01 00:00:00"])
def test_a_wrong_time_or_one_in_the_future_is_that_of_the_arrival(moment: str) -> None:
    (receipt,) = the_format().read(a_form(**{"message-timestamp": moment}))

    assert receipt.occurred_at == NOW


@pytest.mark.parametrize("body", [b"[]", b"{", b"{}", orjson.dumps({**STATUS, "message_uuid": None, "client_ref": 1})])
def test_a_body_without_a_message_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableCallbackError):
        the_format().read(a_callback(body, JSON))


async def test_an_error_shows_nothing_of_the_callback() -> None:
    with pytest.raises(UnsignedCallbackError) as refused:
        await the_format().check(a_callback(urlencode(PARAMETERS).encode()))
    assert str(refused.value) == "sig is missing or wrong"
