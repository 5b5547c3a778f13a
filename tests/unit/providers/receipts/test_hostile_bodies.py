"""Every body: a format refuses it, or reads it. No other error leaves a format, whatever the vendor sends."""

import contextlib
import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.receipts.aliyun import AliyunReceiptEntry, AliyunReceipts
from providers.receipts.mailgun import MailgunReceiptEntry, MailgunReceipts
from providers.receipts.receipt_format import (
    CallbackUnavailableError,
    ForeignCallbackError,
    ReceiptFormat,
    UnreadableCallbackError,
    UnsignedCallbackError,
)
from providers.receipts.ses import SesReceiptEntry, SesReceipts
from providers.receipts.tencent import TencentReceiptEntry, TencentReceipts
from schemas.receipts import Receipt
from tests.support.hostile_texts import MAX_GROWTH, growth_of
from tests.support.sns_topic import TOPIC_ARN, SnsServer, a_notification, signed
from tests.unit.providers.receipts.callbacks import DELIVERY_ID
from tests.unit.providers.receipts.json_callbacks import PATH_SECRET, json_callback

PATH = {"provider": "p", "path_secret": PATH_SECRET}
FORMATS: dict[str, ReceiptFormat] = {
    "mailgun": MailgunReceipts(MailgunReceiptEntry(kind="mailgun", signing_key="k" * 32, domain="x.example", **PATH)),
    "ses": SesReceipts(SesReceiptEntry(kind="ses", topic_arns=(TOPIC_ARN,), **PATH), SnsServer().fetch),
    "aliyun": AliyunReceipts(AliyunReceiptEntry(kind="aliyun", **PATH)),
    "tencent": TencentReceipts(TencentReceiptEntry(kind="tencent", **PATH)),
}
EVENT = {
    "eventType": "Bounce",
    "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "a@b.example"}], "timestamp": "x"},
    "mail": {"messageId": "m", "destination": ["a@b.example", "c@d.example"], "tags": {"delivery_id": [DELIVERY_ID]}},
}
GOOD: dict[str, Any] = {
    "mailgun": {
        "signature": {"timestamp": "1", "token": "t" * 50, "signature": "0" * 64},
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "timestamp": 1.5,
            "delivery-status": {"code": 550},
            "domain": {"name": "x.example"},
            "message": {"headers": {"message-id": "<m@x>"}},
            "recipient": "a@b.example",
            "user-variables": {"delivery_id": DELIVERY_ID},
        },
    },
    "ses": EVENT,
    "aliyun": [{"biz_id": "1^0", "success": False, "err_code": "X", "phone_number": "1", "report_time": "x"}],
    "tencent": [{"sid": "1:2", "report_status": "FAIL", "errmsg": "MK:1", "nationcode": "86", "mobile": "1"}],
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to each value inside of a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def with_value(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(body)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return changed


@st.composite
def bodies(draw: st.DrawFn, kind: str) -> bytes:
    """Draw bytes, or the good body with one value replaced."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=40) | json_values.map(orjson.dumps))
    body = with_value(GOOD[kind], draw(st.sampled_from(places(GOOD[kind]))), draw(json_values))
    return orjson.dumps(signed(a_notification(orjson.dumps(body).decode())) if kind == "ses" else body)


async def tried(kind: str, body: bytes) -> None:
    one, callback = FORMATS[kind], json_callback(body)
    with contextlib.suppress(UnsignedCallbackError, ForeignCallbackError, CallbackUnavailableError):
        await one.check(callback)
    try:
        receipts = one.read(callback)
    except UnreadableCallbackError:
        return
    for receipt in receipts:
        assert receipt.delivery_id or receipt.message_id
        Receipt.model_validate(
            {
                "provider": "p",
                "provider_message_id": receipt.message_id,
                "status": receipt.status,
                "occurred_at": receipt.occurred_at,
                "receipt_class": receipt.receipt_class,
                "code": receipt.code,
            }
        )


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data())
async def test_no_other_error_leaves_a_format_and_each_receipt_fits_into_its_record(
    kind: str, data: st.DataObject
) -> None:
    await tried(kind, data.draw(bodies(kind)))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("part", ["1", "a", ".", "-", "86", "MK:", "\u3000"])
def test_a_long_text_takes_linear_time_at_each_place(kind: str, part: str) -> None:
    def read_everywhere(text: str) -> None:
        for path in places(GOOD[kind]):
            body = orjson.dumps(with_value(GOOD[kind], path, text))
            message = orjson.dumps(a_notification(body.decode())) if kind == "ses" else body
            with contextlib.suppress(UnreadableCallbackError):
                FORMATS[kind].read(json_callback(message))

    family = ("", part, "!")
    growth = min(growth_of(read_everywhere, family, 100_000) for _ in range(2))
    assert growth <= MAX_GROWTH
