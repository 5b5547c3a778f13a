"""Reports of Aliyun and Tencent. Neither signs anything, and the secret is in the path.

providers/receipts/aliyun.py and tencent.py name the pages.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import orjson
from phonenumbers import NumberParseException, parse

from cli.simulator.signing.signed_call import JSON, CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from providers.receipts.aliyun import AliyunReceiptEntry
from providers.receipts.tencent import TencentReceiptEntry

ALIYUN_CODES = {
    ReceiptOutcome.SENT: (False, "REQUEST_SUCCESS"),
    ReceiptOutcome.DELIVERED: (True, "DELIVERED"),
    ReceiptOutcome.UNDELIVERED: (False, "SP_UNKNOWN_ERROR"),
    ReceiptOutcome.SOFT_BOUNCE: (False, "MOBILE_NOT_ON_SERVICE"),
    ReceiptOutcome.OPT_OUT: (False, "USER_REJECT"),
}
"""Values of `success` and `err_code` for each outcome."""

TENCENT_CODES = {
    ReceiptOutcome.DELIVERED: ("SUCCESS", "DELIVRD"),
    ReceiptOutcome.UNDELIVERED: ("FAIL", "REJECTD"),
    ReceiptOutcome.HARD_BOUNCE: ("FAIL", "MK:0001"),
    ReceiptOutcome.SOFT_BOUNCE: ("FAIL", "UNDELIV"),
    ReceiptOutcome.COMPLAINT: ("FAIL", "MX:0011"),
    ReceiptOutcome.OPT_OUT: ("FAIL", "MX:0012"),
}
"""Values of `report_status` and `errmsg` for each outcome."""

_CHINA = timezone(timedelta(hours=8))
_MAINLAND = "+86"


class PathSecretSigner:
    """Account of a vendor that signs nothing."""

    def __init__(self, keys: CallbackKeys, report: Callable[[SimulatedReceipt], dict[str, object]]) -> None:
        self._keys, self._report = keys, report

    def sign(self, receipts: Sequence[SimulatedReceipt], _at: datetime) -> SignedCall:
        """Return a call with a report for each receipt."""
        return SignedCall(self._keys.url, dict(JSON), orjson.dumps(list(map(self._report, receipts))))


def aliyun_signer(keys: CallbackKeys) -> PathSecretSigner:
    """Return an account of Alibaba Cloud."""
    return PathSecretSigner(keys, _aliyun_report)


def tencent_signer(keys: CallbackKeys) -> PathSecretSigner:
    """Return an application of Tencent Cloud SMS."""
    return PathSecretSigner(keys, _tencent_status)


def aliyun_entry(keys: CallbackKeys) -> AliyunReceiptEntry:
    """Return the entry of the producer that accepts the calls."""
    return AliyunReceiptEntry.model_validate(
        {"kind": "aliyun", "provider": "simulator", "path_secret": keys.path_secret}
    )


def tencent_entry(keys: CallbackKeys) -> TencentReceiptEntry:
    """Return the entry of the producer that accepts the calls."""
    return TencentReceiptEntry.model_validate(
        {"kind": "tencent", "provider": "simulator", "path_secret": keys.path_secret}
    )


def _aliyun_report(receipt: SimulatedReceipt) -> dict[str, object]:
    """Return a report. Aliyun leaves out the calling code of mainland China."""
    success, code = ALIYUN_CODES[receipt.outcome]
    return {
        "phone_number": receipt.to.removeprefix(_MAINLAND),
        "send_time": _china_time(receipt.at),
        "report_time": _china_time(receipt.at),
        "success": success,
        "err_code": code,
        "biz_id": receipt.message_id,
        "out_id": receipt.delivery_id,
    }


def _tencent_status(receipt: SimulatedReceipt) -> dict[str, object]:
    status, code = TENCENT_CODES[receipt.outcome]
    nation, mobile = _split(receipt.to)
    return {
        "user_receive_time": _china_time(receipt.at),
        "nationcode": nation,
        "mobile": mobile,
        "report_status": status,
        "errmsg": code,
        "sid": receipt.message_id,
    }


def _split(number: str) -> tuple[str, str]:
    """Return calling code and the rest of a number in E.164."""
    try:
        nation = str(parse(number).country_code)
    except NumberParseException:
        nation = ""
    return nation, number.removeprefix(f"+{nation}")


def _china_time(at: datetime) -> str:
    return at.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")
