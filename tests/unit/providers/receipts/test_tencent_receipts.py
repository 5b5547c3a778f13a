"""Status callbacks of Tencent: the secret of their path, and the meaning of each code."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from providers.receipts.receipt_format import UnreadableCallbackError, UnsignedCallbackError, VendorReceipt
from providers.receipts.tencent import TABLE, TencentReceiptEntry, TencentReceipts
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.unit.providers.receipts.callbacks import NOW
from tests.unit.providers.receipts.json_callbacks import PATH_SECRET, json_callback

CALLBACKS = TencentReceipts(
    TencentReceiptEntry.model_validate({"kind": "tencent", "provider": "tencent", "path_secret": PATH_SECRET})
)
STATUSES = {"SUCCESS", "FAIL"}


def a_status(**fields: object) -> dict[str, Any]:
    return {
        "user_receive_time": "2026-11-30 19:59:30",
        "nationcode": "86",
        "mobile": "13811110000",
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "用户短信送达成功",
        "sid": "2023:9876543210987654321",
        **fields,
    }


def read_one(**fields: object) -> VendorReceipt:
    (receipt,) = CALLBACKS.read(json_callback([a_status(**fields)]))
    return receipt


def test_a_status_is_a_receipt_with_its_time_in_china() -> None:
    assert read_one() == VendorReceipt(
        ReceiptStatus.DELIVERED,
        "DELIVRD",
        datetime(2026, 11, 30, 11, 59, 30, tzinfo=UTC),
        None,
        "2023:9876543210987654321",
        "+8613811110000",
    )


async def test_the_secret_of_the_path_is_required() -> None:
    assert await CALLBACKS.check(json_callback([a_status()])) is None
    for secret in (None, PATH_SECRET.lower() + "x"):
        with pytest.raises(UnsignedCallbackError):
            await CALLBACKS.check(json_callback([a_status()], path_secret=secret))


def test_an_entry_without_a_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="path_secret"):
        TencentReceiptEntry.model_validate({"kind": "tencent", "provider": "tencent"})


@pytest.mark.parametrize("code", sorted(TABLE.statuses.keys() - STATUSES))
def test_each_row_of_the_codes_is_read(code: str) -> None:
    raw = f"{code}0999" if code.endswith(":") else code
    receipt = read_one(report_status="FAIL", errmsg=raw)

    assert (receipt.status, receipt.receipt_class) == TABLE.statuses[code]
    assert receipt.code == raw


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_each_row_of_the_statuses_is_read(status: str) -> None:
    receipt = read_one(report_status=status, errmsg="NEW")

    assert (receipt.status, receipt.receipt_class, receipt.code) == (*TABLE.statuses[status], "NEW")


@pytest.mark.parametrize(
    ("code", "receipt_class"),
    [
        ("UNDELIV_640", ReceiptClass.SOFT_BOUNCE),
        ("EXPIRED_001", ReceiptClass.SOFT_BOUNCE),
        ("MK:0001", ReceiptClass.HARD_BOUNCE),
        ("MK:0002", ReceiptClass.SOFT_BOUNCE),
        ("IC:0001", None),
        ("SUCCESS", None),
        ("12", None),
        ("", None),
    ],
)
def test_a_failure_is_one_whatever_its_code(code: str, receipt_class: ReceiptClass | None) -> None:
    receipt = read_one(report_status="FAIL", errmsg=code)

    assert (receipt.status, receipt.receipt_class) == (ReceiptStatus.FAILED, receipt_class)


@pytest.mark.parametrize(("status", "code"), [("WAITING", "WAITING"), (None, "unknown"), ({}, "unknown")])
def test_an_unknown_status_is_unrecognised(status: object, code: str) -> None:
    receipt = read_one(report_status=status, errmsg="MK:0001")

    assert (receipt.status, receipt.receipt_class, receipt.code) == (ReceiptStatus.UNRECOGNISED, None, code)


@pytest.mark.parametrize("fields", [{"mobile": "138****0000"}, {"mobile": None}, {"nationcode": "+86"}])
def test_a_number_of_another_form_is_none(fields: dict[str, object]) -> None:
    assert read_one(**fields).recipient is None


def test_a_missing_time_is_that_of_the_arrival() -> None:
    assert read_one(user_receive_time="").occurred_at == NOW


@pytest.mark.parametrize("body", [{}, [1], [{}], [a_status(sid=None)], [a_status(sid="")], b"", b"["])
def test_a_body_of_another_form_is_unreadable(body: object) -> None:
    with pytest.raises(UnreadableCallbackError):
        CALLBACKS.read(json_callback(body))
