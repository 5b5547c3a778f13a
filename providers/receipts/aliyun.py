"""Receipts of the kind `aliyun`: SmsReport, which pushes many delivery reports in one call.

Source: https://help.aliyun.com/en/sms/developer-reference/smsreport-http
"""

import re
from typing import Any, Literal

from providers.receipts.callback_values import id_of, occurred_at, read_objects, shown_code, text_of
from providers.receipts.china_time import china_time
from providers.receipts.path_secret import SecretPathEntry, check_path_secret
from providers.receipts.receipt_format import Callback, UnreadableCallbackError, VendorReceipt
from providers.receipts.receipt_table import UNRECOGNISED, ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus

_FAILED = ReceiptMeaning(ReceiptStatus.FAILED)
_SOFT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE)
_OPT_OUT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.OPT_OUT)

TABLE = ReceiptTable(
    vendor="aliyun",
    page="https://help.aliyun.com/en/sms/developer-reference/delivery-receipt-error-codes",
    statuses={
        "true": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "false": _FAILED,
        "DELIVERED": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "REQUEST_SUCCESS": ReceiptMeaning(ReceiptStatus.SENT),
        "USER_REJECT": _OPT_OUT,
        "MOBILE_IN_BLACK": _OPT_OUT,
        "INVALID_NUMBER": _SOFT,
        "MOBILE_NOT_ON_SERVICE": _SOFT,
        "MOBILE_ACCOUNT_ABNORMAL": _SOFT,
        "MOBLLE_TERMINAL_ERROR": _SOFT,
        "SP_NOT_BY_INTER_SMS": _SOFT,
        **dict.fromkeys(
            (
                "MOBILE_SEND_LIMIT",
                "CONTENT_KEYWORD",
                "CONTENT_ERROR",
                "SIGNATURE_BLACKLIST",
                "PORT_NOT_REGISTERED",
                "PARAMS_ILLEGAL",
                "NO_ROUTE",
                "IS_CLOSE",
                "SP_UNKNOWN_ERROR",
            ),
            _FAILED,
        ),
    },
)
"""Codes of `err_code`, and the two values of `success`, which decides about a code that is not here.

The page gives one code to a number that does not exist and to a phone that is switched off. So none is a hard bounce.
"""

_MAINLAND = re.compile("1[3-9][0-9]{9}")
"""Number of a mobile phone of mainland China without its calling code, as the page shows it."""
_NUMBER = re.compile(r"\+?[0-9]{5,20}")


class AliyunReceiptEntry(SecretPathEntry):
    """Path secret for the reports of an account of Alibaba Cloud."""

    kind: Literal["aliyun"]


class AliyunReceipts:
    """Reports of one account of Alibaba Cloud."""

    def __init__(self, entry: AliyunReceiptEntry) -> None:
        self._entry = entry

    async def check(self, callback: Callback) -> str | None:
        """Check the secret of the path, because Aliyun signs nothing."""
        check_path_secret(self._entry, callback)
        return None

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return one receipt for each report."""
        return [_receipt(report, callback) for report in read_objects(callback.body)]


def _receipt(report: dict[str, Any], callback: Callback) -> VendorReceipt:
    """Return the receipt of a report. All messages of a call have one `biz_id`, and only one alone has an `out_id`."""
    message_id, delivery_id = id_of(report.get("biz_id")), id_of(report.get("out_id"))
    if message_id is None and delivery_id is None:
        raise UnreadableCallbackError("report has neither biz_id nor out_id")
    meaning = _meaning(report.get("success"), text_of(report.get("err_code")))
    moment = china_time(report.get("report_time"))
    return VendorReceipt(
        meaning.status,
        shown_code(report.get("err_code")),
        occurred_at(moment, callback.received_at),
        delivery_id,
        message_id,
        _address(text_of(report.get("phone_number"))),
        meaning.receipt_class,
    )


def _meaning(success: object, code: str) -> ReceiptMeaning:
    """Return the meaning of a report. A code that contradicts `success` says nothing."""
    if not isinstance(success, bool):
        return UNRECOGNISED
    meaning = TABLE.meaning(code)
    contradicts = meaning.status is (ReceiptStatus.FAILED if success else ReceiptStatus.DELIVERED)
    return TABLE.meaning(str(success).lower()) if meaning == UNRECOGNISED or contradicts else meaning


def _address(number: str) -> str | None:
    """Return the number with its calling code, or None for another text."""
    if _MAINLAND.fullmatch(number):
        return f"+86{number}"
    return f"+{number.removeprefix('+')}" if _NUMBER.fullmatch(number) else None
