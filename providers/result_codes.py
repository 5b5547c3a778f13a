"""Kinds of results that the tables of the providers map response codes to, and the result of each kind."""

import socket
import ssl
from enum import Enum, auto

from core.send_result import Failed, Retry, Sent, Uncertain
from schemas.statuses import Reason


class ResultKind(Enum):
    """Kind of result of a send."""

    SENT = auto()
    RATE_LIMITED = auto()
    UNAVAILABLE = auto()
    CREDENTIALS = auto()
    """Our credentials are wrong or may not send, or our account has no credit. Each message would be refused."""
    REJECTED = auto()
    INVALID_RECIPIENT = auto()
    BLOCKED = auto()
    """The provider does not write to this recipient any more, because of a complaint or an opt-out there."""
    COUNTRY_REFUSED = auto()
    INVALID_CONTENT = auto()
    TOO_LONG = auto()
    NO_ANSWER = auto()


_FAILURES = {
    ResultKind.REJECTED: Reason.REJECTED,
    ResultKind.INVALID_RECIPIENT: Reason.INVALID_RECIPIENT,
    ResultKind.BLOCKED: Reason.BLOCKED,
    ResultKind.COUNTRY_REFUSED: Reason.COUNTRY_REFUSED,
    ResultKind.INVALID_CONTENT: Reason.INVALID_CONTENT,
    ResultKind.TOO_LONG: Reason.TOO_LONG,
}
_RETRIES = {
    ResultKind.RATE_LIMITED: Reason.RATE_LIMITED,
    ResultKind.UNAVAILABLE: Reason.UNAVAILABLE,
    ResultKind.CREDENTIALS: Reason.PROVIDER_REJECTED_CREDENTIALS,
}


def result_for(kind: ResultKind, error: str, delay_seconds: float | None = None) -> Sent | Retry | Failed | Uncertain:
    """Return the result of a kind. `error` has codes and fixed words only, because a provider may echo any text."""
    if kind in _FAILURES:
        return Failed(_FAILURES[kind], error)
    if kind in _RETRIES:
        return Retry(_RETRIES[kind], error, delay_seconds)
    return Sent(response=error) if kind is ResultKind.SENT else Uncertain(Reason.NO_ANSWER, error)


_DESCRIPTIONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "name not resolved"),
    (ssl.SSLCertVerificationError, "certificate refused"),
    (ssl.SSLError, "TLS failed"),
    (ConnectionRefusedError, "connection refused"),
    (TimeoutError, "timed out"),
    (ConnectionError, "connection cut"),
    (OSError, "network error"),
)


def safe_description(error: BaseException) -> str:
    """Return a fixed description of an exception or its cause. Its own text may hold values that must not be logged."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 5:
        chain.append(cause)
        cause = cause.__cause__
    return next(
        (description for kind, description in _DESCRIPTIONS if any(isinstance(link, kind) for link in chain)),
        "unexpected answer",
    )
