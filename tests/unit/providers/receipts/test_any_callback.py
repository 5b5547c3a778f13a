"""Callbacks of any form: `check` refuses them. `read` returns receipts that fit into a record, or refuses them."""

import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.receipts.receipt_format import (
    ForeignCallbackError,
    ReceiptFormat,
    UnreadableCallbackError,
    UnsignedCallbackError,
)
from providers.receipts.receipt_kinds import RECEIPT_KINDS
from schemas.receipts import Receipt
from tests.support.hostile_texts import MAX_GROWTH, Cost, growth_of
from tests.unit.providers.receipts.callbacks import URL, a_callback
from tests.unit.providers.receipts.test_sendgrid_receipts import PUBLIC_KEY

ENTRIES: dict[str, dict[str, Any]] = {
    "simulator": {"signing_key": "k" * 32},
    "http": {"signing_key": "k" * 32},
    "smtp": {"bounce_key": "k" * 32},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "t" * 32},
    "vonage": {"api_key": "abcd1234", "signature_secret": "s" * 32},
    "sendgrid": {"public_key": PUBLIC_KEY},
    "aliyun": {"path_secret": "p" * 32},
    "tencent": {"path_secret": "p" * 32},
    "ses": {"topic_arns": ["arn:aws:sns:eu-west-1:123456789012:mail"]},
    "mailgun": {"signing_key": "k" * 32, "path_secret": "p" * 32},
}
"""Keys of an entry of each kind whose callbacks are forms or batches."""
NAMES = (
    *("receipts", "delivery_id", "message_id", "status", "code", "class", "occurred_at", "recipient"),
    *(
        "MessageSid",
        "MessageStatus",
        "ErrorCode",
        "To",
        "AccountSid",
        "data",
        "messageSid",
        "messageStatus",
        "errorCode",
    ),
    *("to", "timestamp", "accountSid", "messageId", "client-ref", "err-code", "msisdn", "message-timestamp", "api-key"),
    *("sig", "message_uuid", "client_ref", "error", "title", "event", "sg_message_id", "email", "type", "reason"),
)
"""Names of the fields that the formats read."""
SIZE = 20_000
"""Length of the short bodies in characters."""

every_kind = pytest.mark.parametrize("kind", ENTRIES)

texts = st.text() | st.sampled_from(["delivered", "failed", "bounce", "dropped", "0", "2026-11-30 12:00:00", "1e400"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6),
    max_leaves=20,
)
forms = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(), texts), max_size=20).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
)
bodies = st.binary() | forms | values.map(lambda value: json.dumps(value).encode())
media_types = st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""])


def the_format(kind: str) -> ReceiptFormat:
    entry, build, _ = RECEIPT_KINDS[kind]
    return build(entry.model_validate({"kind": kind, "provider": "any", **ENTRIES[kind]}))


FORMATS = {kind: the_format(kind) for kind in ENTRIES}


@every_kind
@given(body=bodies, media_type=media_types, query=st.text(max_size=50))
def test_what_is_read_fits_into_a_record(kind: str, body: bytes, media_type: str, query: str) -> None:
    with contextlib.suppress(UnreadableCallbackError):
        for receipt in FORMATS[kind].read(a_callback(body, {"content-type": media_type}, f"{URL}?delivery_id={query}")):
            Receipt(
                provider="any",
                provider_message_id=receipt.message_id,
                status=receipt.status,
                occurred_at=receipt.occurred_at,
                code=receipt.code,
                receipt_class=receipt.receipt_class,
            )
            assert receipt.message_id or receipt.delivery_id
            assert len(receipt.delivery_id or "") <= 200
            assert len(receipt.recipient or "") <= 320


@every_kind
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("depth", [500, 1_000])
def test_a_value_that_is_nested_deeply_is_no_other_error(kind: str, name: str, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    known = {
        "messageId": "a",
        "client-ref": "a",
        "message_uuid": "a",
        "sg_message_id": "a",
        "messageSid": "a",
        "status": "a",
    }
    one = orjson.dumps({key: value for key, value in known.items() if key != name})[:-1] + b',"%s":%s}' % (
        name.encode(),
        nested,
    )

    for body in (one, b"[%s]" % one, b'[{"data":%s}]' % one, b'{"receipts":[%s]}' % one, nested):
        callback = a_callback(body, {"content-type": "application/json"})
        with contextlib.suppress(UnreadableCallbackError):
            FORMATS[kind].read(callback)


@every_kind
@given(
    body=bodies,
    media_type=media_types,
    headers=st.dictionaries(
        st.sampled_from(
            [
                *(
                    "x-rollcall-signature",
                    "x-twilio-signature",
                    "x-twilio-webhooks-signature-settings",
                    "authorization",
                ),
                *("x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"),
            ]
        ),
        st.text()
        | st.sampled_from(["1", "Bearer a.b.c", "Bearer e30.e30.e30", "algorithm=HMAC_SHA256", "t=1,v1=" + "0" * 64]),
    ),
    query=st.text(max_size=50),
)
async def test_what_no_vendor_signed_is_refused(
    kind: str, body: bytes, media_type: str, headers: dict[str, str], query: str
) -> None:
    with pytest.raises((UnsignedCallbackError, ForeignCallbackError)):
        await FORMATS[kind].check(
            a_callback(body, {**headers, "content-type": media_type}, f"{URL}?bodySHA256={query}")
        )


PARTS = (
    "a",
    "&",
    "=",
    "a=1&",
    "a=1;",
    "%41",
    "%",
    "+",
    ".",
    "_",
    " ",
    "[",
    '{"a":',
    '{"status":"a","delivery_id":"a"},',
    "1",
    "\x00",
)
FAMILIES = [
    (begin, part, end)
    for part in PARTS
    for begin, end in [
        ("", ""),
        ("[", "{}]"),
        ('{"receipts":[', "{}]}"),
        ('[{"delivery_id":"a","event":"dropped","reason":"', '"}]'),
        ('[{"data":{"messageSid":"a","messageStatus":"', '"}}]'),
        ('{"messageId":"a","status":"', '"}'),
        ('{"message_uuid":"a","timestamp":"', '"}'),
        ("MessageSid=a&MessageStatus=", ""),
    ]
]


@every_kind
@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded"])
def test_reading_takes_linear_time(kind: str, media_type: str) -> None:
    def read(text: str) -> None:
        with contextlib.suppress(UnreadableCallbackError):
            FORMATS[kind].read(a_callback(text.encode(), {"content-type": media_type}))

    cost: Cost = read
    for family in FAMILIES:
        growth = growth_of(cost, family, SIZE)
        if growth > MAX_GROWTH:
            growth = min(growth_of(cost, family, SIZE) for _ in range(3))
        assert growth <= MAX_GROWTH, family
