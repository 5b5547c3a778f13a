"""Receipts of SendGrid: signatures that its own library accepts, batches, and what each event means."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sendgrid.helpers.eventwebhook import EventWebhook

from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.receipt_format import Callback, UnreadableCallbackError, VendorReceipt
from providers.receipts.sendgrid import TABLE, SendgridReceiptEntry, SendgridReceipts
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

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
TO = "anna@example.com"


def text_of_key(key: Any) -> str:
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


PUBLIC_KEY = text_of_key(PRIVATE_KEY.public_key())


def the_format(**fields: Any) -> SendgridReceipts:
    keys = {"kind": "sendgrid", "provider": "sendgrid", "public_key": PUBLIC_KEY, **fields}
    return SendgridReceipts(SendgridReceiptEntry.model_validate(keys))


def signed(*events: Any, before: timedelta = timedelta()) -> Callback:
    return signed_body(orjson.dumps(events), seconds(before))


def signed_body(body: bytes, stamp: str) -> Callback:
    signature = base64.b64encode(PRIVATE_KEY.sign(stamp.encode() + body, ec.ECDSA(SHA256()))).decode()
    return a_callback(body, {SIGNATURE: signature, TIMESTAMP: stamp})


def an_event(name: Any = "delivered", **fields: Any) -> dict[str, Any]:
    return {
        "email": TO,
        "timestamp": int(NOW.timestamp()),
        "event": name,
        "sg_message_id": "evEK_IhZSlKus235aGfxIQ.filter0361p1las1-11880-5978131E-23.0",
        "delivery_id": DELIVERY_ID,
        **fields,
    }


async def test_a_signature_that_sendgrids_library_accepts_is_accepted_and_each_changed_byte_is_refused() -> None:
    callback = signed(an_event())
    library = EventWebhook(PUBLIC_KEY)

    assert library.verify_signature(callback.body.decode(), callback.headers[SIGNATURE], callback.headers[TIMESTAMP])
    await check_that_each_changed_byte_is_refused(the_format(), callback)
    await check_that_it_needs_its_headers(the_format(), callback, SIGNATURE, TIMESTAMP)


async def test_another_time_stamp_is_refused() -> None:
    callback = signed(an_event())

    for stamp in (str(int(seconds()) + 1), f"0{seconds()}", f" {seconds()}", f"{seconds()}.0", "-1", "9" * 12):
        assert await refuses(the_format(), with_header(callback, TIMESTAMP, stamp))


async def test_a_signature_that_is_not_the_der_of_two_numbers_is_refused() -> None:
    callback = signed(an_event())

    for signature in (b"", b"0", b"\x30\x06\x02\x01\x00\x02\x01\x00", bytes(64)):
        assert await refuses(the_format(), with_header(callback, SIGNATURE, base64.b64encode(signature).decode()))


async def test_a_time_stamp_may_be_as_old_as_sendgrid_repeats_a_call_and_no_older() -> None:
    await the_format().check(signed(an_event(), before=timedelta(hours=24)))
    assert await refuses(the_format(), signed(an_event(), before=timedelta(hours=26)))
    assert await refuses(the_format(max_age_seconds=60), signed(an_event(), before=timedelta(seconds=61)))
    assert await refuses(the_format(), signed(an_event(), before=timedelta(seconds=-301)))


async def test_the_key_of_another_account_is_refused() -> None:
    other = text_of_key(ec.generate_private_key(ec.SECP256R1()).public_key())

    assert await refuses(the_format(public_key=other), signed(an_event()))


async def test_a_secret_of_the_path_is_needed_as_well_if_the_entry_has_one() -> None:
    receipts = the_format(path_secret="s" * 32)

    await receipts.check(replace(signed(an_event()), path_secret="s" * 32))
    assert await refuses(receipts, signed(an_event()))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "not base64",
        base64.b64encode(b"no key").decode(),
        f"-----BEGIN PUBLIC KEY-----\n{PUBLIC_KEY}\n-----END PUBLIC KEY-----",
        text_of_key(ec.generate_private_key(ec.SECP384R1()).public_key()),
        text_of_key(ed25519.Ed25519PrivateKey.generate().public_key()),
    ],
    ids=["empty", "no base64", "no key", "PEM", "P-384", "Ed25519"],
)
def test_a_key_that_is_not_one_of_p_256_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="must be the verification key of the signed event webhook"):
        the_format(public_key=key)


def test_a_receipt_has_our_id_and_the_one_that_sendgrid_answered_to_the_call() -> None:
    event = an_event(timestamp=int(NOW.timestamp()) - 60)

    assert the_format().read(signed(event)) == [
        VendorReceipt(
            ReceiptStatus.DELIVERED,
            "delivered",
            datetime(2026, 11, 30, 11, 59, tzinfo=UTC),
            DELIVERY_ID,
            "evEK_IhZSlKus235aGfxIQ",
            TO,
        )
    ]


DETAILS = {
    "bounce": {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"},
    "bounce:blocked": {"type": "blocked"},
    "bounce:expired": {"type": "expired"},
    "dropped": {"reason": "Spam Content"},
    "dropped:bounced_address": {"reason": "Bounced Address"},
    "dropped:invalid": {"reason": "Invalid"},
    "dropped:spam_reporting_address": {"reason": "Spam Reporting Address"},
    "dropped:unsubscribed_address": {"reason": "Unsubscribed Address"},
}
"""Fields of the events that have a detail, as SendGrid's page shows them."""


@pytest.mark.parametrize(("code", "meaning"), TABLE.statuses.items())
def test_each_event_has_its_meaning(code: str, meaning: tuple[ReceiptStatus, ReceiptClass | None]) -> None:
    event = an_event(code.partition(":")[0], **DETAILS.get(code, {}))
    (receipt,) = the_format().read(signed(event))

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*meaning, code)


@pytest.mark.parametrize("name", sorted(TABLE.no_receipts))
def test_an_event_that_says_nothing_about_the_delivery_is_no_receipt(name: str) -> None:
    assert the_format().read(signed(an_event(name), an_event())) == the_format().read(signed(an_event()))


@pytest.mark.parametrize(
    ("name", "code"),
    [("delayed", "delayed"), (TO, "unknown"), (None, "unknown"), ({"a": 1}, "unknown"), (" ", "unknown")],
)
def test_an_unknown_event_is_unrecognised_and_its_code_shows_no_address(name: Any, code: str) -> None:
    (receipt,) = the_format().read(signed(an_event(name)))

    assert (receipt.status, receipt.code) == (ReceiptStatus.UNRECOGNISED, code)


def test_a_reason_that_is_not_known_is_not_shown() -> None:
    (receipt,) = the_format().read(signed(an_event("dropped", reason=f"550 {TO} was refused")))

    assert (receipt.status, receipt.code) == (ReceiptStatus.FAILED, "dropped")


def test_an_event_without_any_id_is_no_receipt() -> None:
    assert the_format().read(signed(an_event(sg_message_id=None, delivery_id=None), an_event(sg_message_id=".x"))) == [
        VendorReceipt(ReceiptStatus.DELIVERED, "delivered", NOW, DELIVERY_ID, None, TO)
    ]


def test_a_batch_is_bounded() -> None:
    assert len(the_format().read(signed(*[an_event()] * MAX_RECEIPTS))) == MAX_RECEIPTS
    with pytest.raises(UnreadableCallbackError):
        the_format().read(signed(*[an_event()] * (MAX_RECEIPTS + 1)))
