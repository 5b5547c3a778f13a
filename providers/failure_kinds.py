"""Kinds of failures of a send, for metrics, log lines and health."""

import re

from core.send_result import Retry, SendResult, Sent
from providers.provider import NO_FREE_CONNECTION
from schemas.statuses import Reason

_CODE = re.compile(r"\b(?:HTTP|SMTP) ([1-5][0-9]{2})")
_DESCRIPTIONS = {
    "connection refused": "refused",
    "timed out": "timeout",
    "connection cut": "cut",
    "name not resolved": "network",
    "network error": "network",
    "no connection": "network",
    "certificate refused": "tls",
    "TLS failed": "tls",
}
"""Kind of each fixed description of result_codes.py and network.py."""


def failure_kind(result: SendResult) -> str | None:
    """Return the kind of a failure, or None if the message was sent.

    `refused` is a connection that nobody accepts. `login` is a refusal of our credentials. The others are `429`, `4xx`,
    `5xx`, `timeout`, `cut`, `network`, `tls`, `no_free_connection`, or the reason of the result.
    """
    if isinstance(result, Sent):
        return None
    if result == NO_FREE_CONNECTION:
        return "no_free_connection"
    if result.reason is Reason.PROVIDER_REJECTED_CREDENTIALS:
        return "login"
    error = result.error or ""
    if found := _CODE.search(error):
        return _kind_of_code(int(found[1]), result)
    return next((kind for words, kind in _DESCRIPTIONS.items() if error.endswith(words)), result.reason.value)


def _kind_of_code(code: int, result: SendResult) -> str:
    if code == 429:
        return "429"
    if isinstance(result, Retry) and result.reason is Reason.RATE_LIMITED:
        return result.reason.value
    return f"{code // 100}xx"
