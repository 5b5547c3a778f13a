"""Webhooks of Mailgun: the check of their signature, and the meaning of each event."""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from providers.receipts.mailgun import TABLE, MailgunReceiptEntry, MailgunReceipts
from providers.receipts.receipt_format import (
    Callback,
    ForeignCallbackError,
    UnreadableCallbackError,
    UnsignedCallbackError,
)
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.unit.providers.receipts.callbacks import DELIVERY_ID, NOW
from tests.unit.providers.receipts.json_callbacks import PATH_SECRET, changed_characters, json_callback, without

KEY = "c0ffee00c0ffee00c0ffee00c0ffee00"
TOKEN = "e0b5477167110d68991efc6b9f89f0a11066af27834600e123"
AT = NOW - timedelta(seconds=90)


def an_entry(**fields: object) -> MailgunReceiptEntry:
    return MailgunReceiptEntry.model_validate(
        {"kind": "mailgun", "provider": "mg", "path_secret": PATH_SECRET, "signing_key": KEY, **fields}
    )


def a_signature(at: datetime = AT, token: str = TOKEN, key: str = KEY) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    return {
        "timestamp": stamp,
        "token": token,
        "signature": hmac.digest(key.encode(), (stamp + token).encode(), "sha256").hex(),
    }


def an_event(name: str = "delivered", **fields: object) -> dict[str, Any]:
    return {
        "event": name,
        "timestamp": AT.timestamp() + 0.25,
        "domain": {"name": "mg.example.com"},
        "message": {"headers": {"message-id": "20260203192638.000be97f99f8cea1@mg.example.com", "to": "a@b.example"}},
        "recipient": "anna@example.com",
        "user-variables": {"delivery_id": DELIVERY_ID},
        **fields,
    }


def a_webhook(event: dict[str, Any] | None = None, **fields: Any) -> Callback:
    body = {"signature": a_signature(), "event-data": event or an_event(), **fields}
    return json_callback(body)


async def test_a_signed_event_is_one_receipt_and_its_token_counts_once() -> None:
    webhooks = MailgunReceipts(an_entry())
    callback = a_webhook()

    assert await webhooks.check(callback) == TOKEN
    (receipt,) = webhooks.read(callback)
    assert receipt.status is ReceiptStatus.DELIVERED
    assert receipt.delivery_id == DELIVERY_ID
    assert receipt.message_id == "20260203192638.000be97f99f8cea1@mg.example.com"
    assert receipt.recipient == "anna@example.com"
    assert receipt.occurred_at == datetime.fromtimestamp(AT.timestamp() + 0.25, UTC)
    assert receipt.code == "delivered"


@pytest.mark.parametrize("name", ["timestamp", "token", "signature"])
async def test_each_changed_character_of_the_signature_is_refused(name: str) -> None:
    webhooks = MailgunReceipts(an_entry())
    signature = a_signature()
    for changed in changed_characters(signature[name]):
        with pytest.raises(UnsignedCallbackError):
            await webhooks.check(a_webhook(signature={**signature, name: changed}))
    with pytest.raises(UnsignedCallbackError):
        await webhooks.check(a_webhook(signature=without(signature, name)))


@pytest.mark.parametrize("signature", [None, [], "x", {}, {"timestamp": [[]], "token": {}, "signature": 1}])
async def test_a_body_without_a_signature_is_refused(signature: object) -> None:
    with pytest.raises(UnsignedCallbackError):
        await MailgunReceipts(an_entry()).check(a_webhook(signature=signature))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 2_000, b"\xff"])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(UnsignedCallbackError):
        await MailgunReceipts(an_entry()).check(json_callback(body))


async def test_a_number_as_time_stamp_is_signed_as_its_digits() -> None:
    signature: dict[str, Any] = a_signature()
    signature["timestamp"] = int(signature["timestamp"])

    assert await MailgunReceipts(an_entry()).check(a_webhook(signature=signature)) == TOKEN


async def test_another_signing_key_is_refused() -> None:
    with pytest.raises(UnsignedCallbackError):
        await MailgunReceipts(an_entry()).check(a_webhook(signature=a_signature(key="f" * 32)))


@pytest.mark.parametrize("secret", [None, "", PATH_SECRET[:-1], PATH_SECRET + "p", "\ud800"])
async def test_a_missing_or_wrong_path_secret_is_refused(secret: str | None) -> None:
    body = {"signature": a_signature(), "event-data": an_event()}
    with pytest.raises(UnsignedCallbackError):
        await MailgunReceipts(an_entry()).check(json_callback(body, path_secret=secret))


@pytest.mark.parametrize("secret", [None, "short", "a" * 31, "ä" * 40, "a/" * 20, "a" * 201])
def test_an_entry_needs_a_path_secret_that_fits_into_a_path(secret: str | None) -> None:
    with pytest.raises(ValidationError):
        an_entry(path_secret=secret)


@pytest.mark.parametrize(("age", "accepted"), [(60, True), (61, False), (-300, True), (-301, False)])
async def test_a_signature_is_accepted_within_the_replay_window(age: int, *, accepted: bool) -> None:
    webhooks = MailgunReceipts(an_entry(max_age_seconds=60))
    callback = a_webhook(signature=a_signature(NOW - timedelta(seconds=age)))
    if accepted:
        assert await webhooks.check(callback) == TOKEN
        return
    with pytest.raises(UnsignedCallbackError):
        await webhooks.check(callback)


async def test_the_event_of_another_domain_is_foreign() -> None:
    webhooks = MailgunReceipts(an_entry(domain="MG.example.com"))

    assert await webhooks.check(a_webhook()) == TOKEN
    assert await webhooks.check(a_webhook(without(an_event(), "domain"))) == TOKEN
    with pytest.raises(ForeignCallbackError):
        await webhooks.check(a_webhook(an_event(domain={"name": "other.example.com"})))


def rows() -> list[tuple[dict[str, Any], str]]:
    """Return an event for each row of the table."""
    events = []
    for status in TABLE.statuses:
        severity, _, reason = status.partition(".")
        of_failure = {"severity": severity, "reason": reason, "delivery-status": {"code": 550}}
        is_failure = severity in {"permanent", "temporary"}
        events.append((an_event("failed", **of_failure) if is_failure else an_event(status), status))
    return events


@pytest.mark.parametrize(("event", "status"), rows(), ids=TABLE.statuses)
def test_each_row_of_the_table_is_read(event: dict[str, Any], status: str) -> None:
    (receipt,) = MailgunReceipts(an_entry()).read(a_webhook(event))

    assert (receipt.status, receipt.receipt_class) == TABLE.statuses[status]


@pytest.mark.parametrize(
    ("fields", "code", "status", "receipt_class"),
    [
        ({"severity": "permanent", "reason": "bounce"}, "bounce", "failed", ReceiptClass.HARD_BOUNCE),
        ({"severity": "permanent", "reason": "new"}, "new", "failed", None),
        ({"severity": "permanent", "delivery-status": {"code": 605}}, "605", "failed", None),
        ({"severity": "temporary", "reason": "new"}, "new", "sent", None),
        ({"severity": "new", "reason": "bounce"}, "bounce", "unrecognised", None),
        ({"severity": ["permanent"], "reason": {}}, "unknown", "unrecognised", None),
        ({"severity": "permanent", "reason": "anna@example.com"}, "unknown", "failed", None),
        ({"severity": "permanent", "reason": "13800138000"}, "unknown", "failed", None),
    ],
)
def test_a_failure_without_a_row_has_the_meaning_of_its_severity(
    fields: dict[str, Any], code: str, status: str, receipt_class: ReceiptClass | None
) -> None:
    (receipt,) = MailgunReceipts(an_entry()).read(a_webhook(an_event("failed", **fields)))

    assert (receipt.code, receipt.status, receipt.receipt_class) == (code, status, receipt_class)


def test_an_unknown_event_is_unrecognised() -> None:
    (receipt,) = MailgunReceipts(an_entry()).read(a_webhook(an_event("folded")))

    assert (receipt.status, receipt.code) == (ReceiptStatus.UNRECOGNISED, "folded")


@pytest.mark.parametrize("name", sorted(TABLE.no_receipts))
def test_an_opened_clicked_or_stored_mail_is_no_receipt(name: str) -> None:
    assert MailgunReceipts(an_entry()).read(a_webhook(an_event(name))) == []


def test_one_id_is_enough_and_none_is_unreadable() -> None:
    webhooks = MailgunReceipts(an_entry())
    by_message, by_delivery = (without(an_event(), name) for name in ("user-variables", "message"))

    assert webhooks.read(a_webhook(by_message))[0].delivery_id is None
    assert webhooks.read(a_webhook(by_delivery))[0].message_id is None
    with pytest.raises(UnreadableCallbackError):
        webhooks.read(a_webhook(without(by_message, "message")))


@pytest.mark.parametrize("moment", [None, "x", -1, 1e300, 4_102_444_800, 0])
def test_a_time_that_cannot_be_is_that_of_the_arrival(moment: object) -> None:
    (receipt,) = MailgunReceipts(an_entry()).read(a_webhook(an_event(timestamp=moment)))

    assert receipt.occurred_at == NOW
