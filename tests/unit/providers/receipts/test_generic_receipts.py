"""Generic format of receipts: the signature of a gateway, its age, and the receipts of a body."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.generic import GenericReceiptEntry, GenericReceipts, sign
from providers.receipts.receipt_format import Callback, UnreadableCallbackError, UnsignedCallbackError, VendorReceipt
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.unit.providers.receipts.callbacks import (
    DELIVERY_ID,
    NOW,
    a_callback,
    check_that_each_changed_byte_is_refused,
    check_that_it_needs_its_headers,
    seconds,
    with_header,
)

KEY = "k" * 32
HEADER = "x-rollcall-signature"


def the_format(**fields: Any) -> GenericReceipts:
    return GenericReceipts(
        GenericReceiptEntry.model_validate({"kind": "http", "provider": "gateway", "signing_key": KEY, **fields})
    )


def signed(*receipts: Any, before: timedelta = timedelta(), path_secret: str | None = None) -> Callback:
    body = json.dumps({"receipts": receipts}).encode()
    return a_callback(body, {HEADER: sign(KEY, seconds(before), body)}, path_secret=path_secret)


def a_receipt(**fields: Any) -> dict[str, Any]:
    return {"delivery_id": DELIVERY_ID, "status": "delivered", **fields}


async def test_the_signature_is_an_hmac_of_the_time_and_the_body() -> None:
    callback = signed(a_receipt())
    digest = hmac.new(KEY.encode(), seconds().encode() + b"." + callback.body, hashlib.sha256).hexdigest()

    assert callback.headers[HEADER] == f"t={seconds()},v1={digest}"
    assert await the_format().check(callback) is None


async def test_a_changed_byte_of_the_body_or_the_header_is_refused() -> None:
    callback = signed(a_receipt())

    await check_that_each_changed_byte_is_refused(the_format(), callback)
    await check_that_it_needs_its_headers(the_format(), callback, HEADER)
    for place, letter in enumerate(callback.headers[HEADER]):
        header = callback.headers[HEADER]
        changed = header[:place] + ("0" if letter != "0" else "1") + header[place + 1 :]
        with pytest.raises(UnsignedCallbackError):
            await the_format().check(with_header(callback, HEADER, changed))


@pytest.mark.parametrize("before", [timedelta(seconds=301), timedelta(seconds=-301)])
async def test_a_time_stamp_that_is_old_or_in_the_future_is_refused(before: timedelta) -> None:
    with pytest.raises(UnsignedCallbackError):
        await the_format().check(signed(a_receipt(), before=before))


async def test_the_entry_says_how_old_a_time_stamp_may_be() -> None:
    await the_format().check(signed(a_receipt(), before=timedelta(seconds=300)))
    await the_format(max_age_seconds=600).check(signed(a_receipt(), before=timedelta(seconds=600)))


async def test_a_secret_of_the_path_is_needed_as_well_if_the_entry_has_one() -> None:
    receipts = the_format(path_secret="s" * 32)

    await receipts.check(signed(a_receipt(), path_secret="s" * 32))
    with pytest.raises(UnsignedCallbackError):
        await receipts.check(signed(a_receipt()))


async def test_another_key_is_refused() -> None:
    with pytest.raises(UnsignedCallbackError):
        await the_format(signing_key="K" * 32).check(signed(a_receipt()))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "sent"}, VendorReceipt(ReceiptStatus.SENT, "sent", NOW, DELIVERY_ID)),
        ({"status": "delivered"}, VendorReceipt(ReceiptStatus.DELIVERED, "delivered", NOW, DELIVERY_ID)),
        (
            {"status": "failed", "code": "550", "class": "hard_bounce", "recipient": "+447700900000"},
            VendorReceipt(
                ReceiptStatus.FAILED, "550", NOW, DELIVERY_ID, None, "+447700900000", ReceiptClass.HARD_BOUNCE
            ),
        ),
        ({"status": "seen"}, VendorReceipt(ReceiptStatus.UNRECOGNISED, "seen", NOW, DELIVERY_ID)),
        ({"status": "for +447700900000"}, VendorReceipt(ReceiptStatus.UNRECOGNISED, "unknown", NOW, DELIVERY_ID)),
        (
            {"occurred_at": "2026-11-30T18:00:00+08:00", "delivery_id": None, "message_id": "m-1"},
            VendorReceipt(
                ReceiptStatus.DELIVERED, "delivered", datetime(2026, 11, 30, 10, tzinfo=UTC), None, message_id="m-1"
            ),
        ),
    ],
)
def test_a_receipt_has_the_fields_of_the_body(fields: dict[str, Any], expected: VendorReceipt) -> None:
    assert the_format().read(signed(a_receipt(**fields))) == [expected]


def test_a_body_may_have_many_receipts_and_fields_that_are_not_known() -> None:
    assert len(the_format().read(signed(*[a_receipt(price=1)] * MAX_RECEIPTS))) == MAX_RECEIPTS
    with pytest.raises(UnreadableCallbackError):
        the_format().read(signed(*[a_receipt()] * (MAX_RECEIPTS + 1)))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"status": None}, r"receipts\[1\].status: "),
        ({"delivery_id": None}, r"receipts\[1\]: .*delivery_id or message_id is required"),
        ({"class": "bounce"}, r"receipts\[1\].class: "),
        ({"occurred_at": "2026-11-30 12:00"}, r"receipts\[1\].occurred_at: "),
        ({"recipient": "x" * 321}, r"receipts\[1\].recipient: "),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not_shown(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(UnreadableCallbackError, match=f"^{problem}") as refused:
        the_format().read(signed(a_receipt(), a_receipt(**fields)))
    assert "xxx" not in str(refused.value)
