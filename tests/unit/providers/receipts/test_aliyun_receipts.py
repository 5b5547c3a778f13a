"""Reports of Aliyun: the secret of their path, and the meaning of each code."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from providers.receipts.aliyun import TABLE, AliyunReceiptEntry, AliyunReceipts
from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.receipt_format import UnreadableCallbackError, UnsignedCallbackError, VendorReceipt
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.unit.providers.receipts.callbacks import DELIVERY_ID, NOW
from tests.unit.providers.receipts.json_callbacks import PATH_SECRET, json_callback, without

REPORTS = AliyunReceipts(
    AliyunReceiptEntry.model_validate({"kind": "aliyun", "provider": "aliyun", "path_secret": PATH_SECRET})
)


def a_report(**fields: object) -> dict[str, Any]:
    return {
        "phone_number": "13811110000",
        "send_time": "2026-11-30 19:58:00",
        "report_time": "2026-11-30 19:59:30",
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": "900619746936498440^0",
        "out_id": DELIVERY_ID,
        **fields,
    }


def read_one(**fields: object) -> VendorReceipt:
    (receipt,) = REPORTS.read(json_callback([a_report(**fields)]))
    return receipt


def test_a_report_is_a_receipt_with_its_time_in_china() -> None:
    assert read_one() == VendorReceipt(
        ReceiptStatus.DELIVERED,
        "DELIVERED",
        datetime(2026, 11, 30, 11, 59, 30, tzinfo=UTC),
        DELIVERY_ID,
        "900619746936498440^0",
        "+8613811110000",
    )


async def test_the_secret_of_the_path_is_required() -> None:
    assert await REPORTS.check(json_callback([a_report()])) is None
    for secret in (None, "", PATH_SECRET[:-1] + "p"):
        with pytest.raises(UnsignedCallbackError):
            await REPORTS.check(json_callback([a_report()], path_secret=secret))


def test_an_entry_without_a_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="path_secret"):
        AliyunReceiptEntry.model_validate({"kind": "aliyun", "provider": "aliyun"})


@pytest.mark.parametrize("code", sorted(TABLE.statuses.keys() - {"true", "false"}))
def test_each_row_of_the_table_is_read(code: str) -> None:
    receipt = read_one(err_code=code, success=TABLE.statuses[code].status is ReceiptStatus.DELIVERED)

    assert (receipt.status, receipt.receipt_class) == TABLE.statuses[code]
    assert receipt.code == code


@pytest.mark.parametrize(
    ("success", "code", "status"),
    [
        (True, "NEW", ReceiptStatus.DELIVERED),
        (False, "NEW", ReceiptStatus.FAILED),
        (True, "USER_REJECT", ReceiptStatus.DELIVERED),
        (False, "DELIVERED", ReceiptStatus.FAILED),
        (True, "REQUEST_SUCCESS", ReceiptStatus.SENT),
        (None, "DELIVERED", ReceiptStatus.UNRECOGNISED),
        ("true", "NEW", ReceiptStatus.UNRECOGNISED),
    ],
)
def test_success_decides_about_an_unknown_code_or_one_that_contradicts_it(
    success: object, code: str, status: ReceiptStatus
) -> None:
    receipt = read_one(success=success, err_code=code)

    assert (receipt.status, receipt.receipt_class, receipt.code) == (status, None, code)


def test_messages_of_a_batch_share_an_id_and_differ_in_their_numbers() -> None:
    numbers = ["13811110000", "8613811110001", "85212345678", "+6591234567", "1381111****", ""]
    reports = [without(a_report(phone_number=number), "out_id") for number in numbers]

    receipts = REPORTS.read(json_callback(reports))

    assert {receipt.message_id for receipt in receipts} == {"900619746936498440^0"}
    assert {receipt.delivery_id for receipt in receipts} == {None}
    assert [receipt.recipient for receipt in receipts] == [
        "+8613811110000",
        "+8613811110001",
        "+85212345678",
        "+6591234567",
        None,
        None,
    ]


@pytest.mark.parametrize("moment", [None, 1, "", "2026-11-30", "2026-13-30 19:59:30", "0001-01-01 00:00:00"])
def test_a_time_that_cannot_be_is_that_of_the_arrival(moment: object) -> None:
    assert read_one(report_time=moment).occurred_at == NOW


def test_a_call_may_have_many_reports_but_not_more_than_the_limit() -> None:
    assert len(REPORTS.read(json_callback([a_report()] * MAX_RECEIPTS))) == MAX_RECEIPTS
    with pytest.raises(UnreadableCallbackError):
        REPORTS.read(json_callback([a_report()] * (MAX_RECEIPTS + 1)))


@pytest.mark.parametrize("body", [{}, [1], [[]], [{}], [{"biz_id": ""}], b"", b"["])
def test_a_body_of_another_form_is_unreadable(body: object) -> None:
    with pytest.raises(UnreadableCallbackError):
        REPORTS.read(json_callback(body))


def test_the_number_of_a_recipient_is_not_shown_as_a_code() -> None:
    receipt = read_one(success=False, err_code="13811110000")

    assert (receipt.code, receipt.receipt_class) == ("unknown", None)
    assert read_one(success=False, err_code="USER_REJECT").receipt_class is ReceiptClass.OPT_OUT
