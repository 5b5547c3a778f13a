"""Kinds of results that the tables of the providers map response codes to, and the result of each kind."""

import socket
import ssl
from enum import Enum, auto
from typing import assert_never

from core.send_result import Failed, Retry, Sent, Uncertain
from schemas.statuses import Reason


class ResultKind(Enum):
    """Kind of result of a send."""

    SENT = auto()
    RATE_LIMITED = auto()
    UNAVAILABLE = auto()
    REJECTED = auto()
    NO_ANSWER = auto()


def result_for(kind: ResultKind, error: str, delay_seconds: float | None = None) -> Sent | Retry | Failed | Uncertain:
    """Return the result of a kind. `error` has codes and fixed words only, because a provider may echo any text."""
    match kind:
        case ResultKind.SENT:
            return Sent(response=error)
        case ResultKind.RATE_LIMITED:
            return Retry(Reason.RATE_LIMITED, error, delay_seconds)
        case ResultKind.UNAVAILABLE:
            return Retry(Reason.UNAVAILABLE, error, delay_seconds)
        case ResultKind.REJECTED:
            return Failed(Reason.REJECTED, error)
        case ResultKind.NO_ANSWER:
            return Uncertain(Reason.NO_ANSWER, error)
        case _:
            assert_never(kind)


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
