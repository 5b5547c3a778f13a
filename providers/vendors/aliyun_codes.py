"""Codes of the Short Message Service of Alibaba Cloud, and of the gateway in front of its API."""

from providers.outcome_table import OutcomeTable
from providers.result_codes import ResultKind

FREQUENCY = "isv.BUSINESS_LIMIT_CONTROL"
"""Code for a number that got too many messages, also from other senders. The limits are per minute, hour and day.

Source: https://help.aliyun.com/document_detail/2881383.html
"""
FREQUENCY_SECONDS = 60.0
"""Delay after which a number with too many messages is tried again, in seconds: the shortest of the limits."""
URL_TOO_LONG = "414"
"""Code of ours for a call that is too long for the servers in front of the API: its HTTP status (RFC 9110)."""

_PARAMETERS = (
    "isv.SMS_CONTENT_ILLEGAL",
    "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE",
    "isv.UNSUPPORTED_CONTENT",
    "isv.PARAM_NOT_SUPPORT_URL",
    "isv.TEMPLATE_PARAMS_ILLEGAL",
    "isv.TEMPLATE_MISSING_PARAMETERS",
    "isv.SMS_TEST_TEMPLATE_PARAMS_ILLEGAL",
    "isv.INVALID_JSON_PARAM",
)
"""Codes of refused parameters, or of the text that they make with the template."""
_TEMPLATE = (
    "isv.SMS_TEMPLATE_ILLEGAL",
    "isv.SMS_SIGNATURE_ILLEGAL",
    "isv.SMS_SIGN_ILLEGAL",
    "isv.SMS_SIGN_EMOJI_ILLEGAL",
    "isv.SIGN_STATE_ILLEGAL",
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
    "isv.SMS_TEST_SIGN_TEMPLATE_LIMIT",
)
"""Codes of a template or a sign name that is not usable. All messages of a request have the same ones."""
_ACCOUNT = (
    "isv.ACCOUNT_NOT_EXISTS",
    "isv.ACCOUNT_ABNORMAL",
    "isv.SECURITY_FROZEN_ACCOUNT",
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.OUT_OF_SERVICE",
    "isv.PRODUCT_UN_SUBSCRIPT",
    "isv.PRODUCT_UNSUBSCRIBE",
    "isv.DAY_LIMIT_CONTROL",
    "isv.MONTH_LIMIT_CONTROL",
    "isv.DENY_IP_RANGE",
    "isp.RAM_PERMISSION_DENY",
    "InvalidAccessKeyId.NotFound",
    "InvalidAccessKeyId.Inactive",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidTimeStamp.Expired",
    "InvalidTimeStamp.Format",
    "InvalidVersion",
    "InvalidAction.NotFound",
)
"""Codes of the account, its keys and its limits, of our clock, and of a wrong URL. They would refuse each message."""

TABLE = OutcomeTable(
    vendor="aliyun",
    page="https://help.aliyun.com/en/sms/developer-reference/api-error-codes",
    codes={
        "isv.MOBILE_NUMBER_ILLEGAL": ResultKind.INVALID_RECIPIENT,
        "isv.BLACK_KEY_CONTROL_LIMIT": ResultKind.BLOCKED,
        "isv.CUSTOMER_REFUSED": ResultKind.BLOCKED,
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": ResultKind.COUNTRY_REFUSED,
        "isv.SMS_TEST_NUMBER_LIMIT": ResultKind.REJECTED,
        "isv.MOBILE_COUNT_OVER_LIMIT": ResultKind.REJECTED,
        "isv.INVALID_PARAMETERS": ResultKind.REJECTED,
        FREQUENCY: ResultKind.UNAVAILABLE,
        **dict.fromkeys(_PARAMETERS, ResultKind.INVALID_CONTENT),
        **dict.fromkeys(("isv.PARAM_LENGTH_LIMIT", URL_TOO_LONG), ResultKind.TOO_LONG),
        **dict.fromkeys(_TEMPLATE, ResultKind.REJECTED),
        **dict.fromkeys(_ACCOUNT, ResultKind.CREDENTIALS),
        **dict.fromkeys(("Throttling", "Throttling.User", "Throttling.Api"), ResultKind.RATE_LIMITED),
        # An error inside Aliyun, which does not say that the messages were not taken.
        **dict.fromkeys(("isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR"), ResultKind.NO_ANSWER),
        # Something on the way repeated the call. The first copy of it may have been taken.
        "SignatureNonceUsed": ResultKind.NO_ANSWER,
    },
    blame_no_message=frozenset(_TEMPLATE),
)
"""Codes in the body of a 200, and those of the gateway in front of the API."""

OF_EQUAL_PARAMETERS = {*_PARAMETERS, "isv.PARAM_LENGTH_LIMIT"}
"""Codes that refuse each message of a call if all have the same parameters."""
_STATUSES_FIRST = {401, 403, 429}
"""Statuses that blame no message, so that a code that is not in the table does not count."""


def is_refusal(status: int, code: str) -> bool:
    """Return whether the code refuses the call. After another one, Aliyun may have taken the messages.

    In a 200, a code of the API begins with `isv.` if the caller is to blame.
    """
    if status == 200:
        return code in TABLE.codes or code.startswith("isv.")
    return status // 100 == 4 and (code in TABLE.codes or (code != "" and status not in _STATUSES_FIRST))
