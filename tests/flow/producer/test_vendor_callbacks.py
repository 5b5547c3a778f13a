"""Calls in the formats of vendors, from their own signature to the record."""

import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from twilio.request_validator import RequestValidator

from providers.receipts.receipt_kinds import RECEIPT_KINDS
from schemas.receipts import ReceiptStatus
from tests.flow.producer.callbacks import DELIVERY, PATH, SECRET, a_callback_service, call, metrics_of, published
from tests.support.service import NOON, Service
from tests.unit.providers.receipts.test_any_callback import ENTRIES

PUBLIC_URL = "https://rollcall.example.org/behind"
TOKEN = "t" * 32
ACCOUNT = "AC" + "0" * 32
FORM = {"MessageSid": "SM" + "1" * 32, "MessageStatus": "delivered", "AccountSid": ACCOUNT, "To": "+447700900000"}
TWILIO = {"kind": "twilio", "provider": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN}
MAILGUN = {"kind": "mailgun", "provider": "mg", "path_secret": SECRET, "signing_key": "k" * 32}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_callback_service(TWILIO, MAILGUN, public_url=PUBLIC_URL) as service:
        yield service


async def send_form(service: Service, base: str = PUBLIC_URL, **fields: str) -> int:
    form = {**FORM, **fields}
    path = f"twilio?delivery_id={DELIVERY}"
    signature = RequestValidator(TOKEN).compute_signature(f"{base}{PATH}{path}", form)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return (await call(service, urlencode(form).encode(), path, headers)).status_code


async def test_a_form_of_twilio_is_checked_with_the_public_url(service: Service) -> None:
    assert await send_form(service) == 200
    assert await send_form(service, "http://rollcall") == 401
    assert await send_form(service, AccountSid="AC" + "9" * 32) == 403

    (receipt,) = published(service)
    assert (receipt.provider, receipt.delivery_id, receipt.status) == ("twilio", DELIVERY, ReceiptStatus.DELIVERED)
    assert 'rollcall_callbacks_refused_total{kind="twilio",reason="foreign"} 1.0' in await metrics_of(service)


async def test_a_token_of_mailgun_counts_for_one_event_only(service: Service) -> None:
    stamp, token = str(int(NOON.timestamp())), "a" * 50
    signature = {
        "timestamp": stamp,
        "token": token,
        "signature": hmac.digest(b"k" * 32, f"{stamp}{token}".encode(), "sha256").hex(),
    }

    async def send(event: str) -> int:
        data = {"event": event, "message": {"headers": {"message-id": "m1"}}, "recipient": "anna@example.com"}
        body = orjson.dumps({"signature": signature, "event-data": data})
        return (await call(service, body, f"mg/{SECRET}", {})).status_code

    assert [await send(event) for event in ("delivered", "delivered", "complained")] == [200, 200, 401]
    assert [receipt.status for receipt in published(service)] == [ReceiptStatus.DELIVERED] * 2
    assert 'rollcall_callbacks_refused_total{kind="mailgun",reason="repeated"} 1.0' in await metrics_of(service)


@pytest.mark.parametrize("kind", RECEIPT_KINDS)
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"a=b&c=d", b"\xff" * 100, b"[" * 100_000, b'{"Type": "Notification"}']
)
async def test_an_unsigned_call_of_each_kind_gets_the_same_answer(kind: str, body: bytes) -> None:
    entry: dict[str, Any] = {**ENTRIES[kind], "kind": kind, "provider": "vendor"}
    async with a_callback_service(entry) as service:
        secret = f"/{ENTRIES[kind]['path_secret'][:-1]}x" if "path_secret" in ENTRIES[kind] else ""
        unsigned = await call(service, body, f"vendor{secret}", {})
        unknown = await call(service, body, "nobody", {})

        assert (unsigned.status_code, unsigned.content) == (401, unknown.content)
        assert service.publisher.records == []
