"""Receipts of the kind `tencent`: callbacks with the status of many SMS.

Source: https://www.tencentcloud.com/document/product/382/43547
"""

import re
from typing import Any, Literal

from providers.receipts.callback_values import id_of, occurred_at, read_objects, shown_code, text_of
from providers.receipts.china_time import china_time
from providers.receipts.path_secret import SecretPathEntry, check_path_secret
from providers.receipts.receipt_format import Callback, UnreadableCallbackError, VendorReceipt
from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus

_HARD = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE)
_SOFT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE)
_COMPLAINT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.COMPLAINT)
_OPT_OUT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.OPT_OUT)

TABLE = ReceiptTable(
    vendor="tencent",
    page="https://cloud.tencent.com/document/product/382/3771",
    statuses={
        "SUCCESS": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "FAIL": ReceiptMeaning(ReceiptStatus.FAILED),
        "MX:0012": _OPT_OUT,
        **dict.fromkeys(("MX:0011", "MB:1077", "DB:0141"), _COMPLAINT),
        **dict.fromkeys(("MK:0000", "MK:0001", "MK00001", "MK:0012", "MK:0013", "XL:169"), _HARD),
        **dict.fromkeys(("UNDELIV", "EXPIRED", "MK:", "MN:", "MI:"), _SOFT),
    },
)
"""Values of `report_status`, and codes of `errmsg` of a failure.

`UNDELIV` and `EXPIRED` stand for the codes that go on with `_` and digits. `MK:`, `MN:` and `MI:` stand for all codes
with this beginning, which the page gives to phones that are switched off, out of reach or full.
"""

_ADDRESS = re.compile(r"\+[0-9]{5,20}")


class TencentReceiptEntry(SecretPathEntry):
    """Path secret for the callbacks of an application of Tencent Cloud SMS."""

    kind: Literal["tencent"]


class TencentReceipts:
    """Callbacks of one application of Tencent Cloud SMS."""

    def __init__(self, entry: TencentReceiptEntry) -> None:
        self._entry = entry

    async def check(self, callback: Callback) -> str | None:
        """Check the secret of the path, because Tencent signs nothing."""
        check_path_secret(self._entry, callback)
        return None

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return one receipt for each status."""
        return [_receipt(status, callback) for status in read_objects(callback.body)]


def _receipt(status: dict[str, Any], callback: Callback) -> VendorReceipt:
    message_id = id_of(status.get("sid"))
    if message_id is None:
        raise UnreadableCallbackError("status has no sid")
    result, code = text_of(status.get("report_status")), text_of(status.get("errmsg"))
    meaning = TABLE.meaning(result)
    if meaning.status is ReceiptStatus.FAILED:
        meaning = _failure(code)
    address = f"+{text_of(status.get('nationcode'))}{text_of(status.get('mobile'))}"
    return VendorReceipt(
        meaning.status,
        shown_code(result if meaning.status is ReceiptStatus.UNRECOGNISED else code),
        occurred_at(china_time(status.get("user_receive_time")), callback.received_at),
        None,
        message_id,
        address if _ADDRESS.fullmatch(address) else None,
        meaning.receipt_class,
    )


def _failure(code: str) -> ReceiptMeaning:
    """Return the meaning of a code of a failure, or that of its family."""
    meaning = TABLE.meaning(code, code.partition("_")[0], f"{code.partition(':')[0]}:", "FAIL")
    return meaning if meaning.status is ReceiptStatus.FAILED else TABLE.meaning("FAIL")
