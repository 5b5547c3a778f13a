"""What the codes of the other side mean, for the tables of the providers, and the answers that follow."""

import socket
import ssl
from enum import Enum, auto
from typing import assert_never

from core.send_result import Failed, Retry, Sent, Uncertain
from schemas.statuses import Reason


class ResultKind(Enum):
    """What became of the message."""

    SENT = auto()
    RATE_LIMITED = auto()
    UNAVAILABLE = auto()
    REJECTED = auto()
    NO_ANSWER = auto()


def result_for(means: ResultKind, error: str, delay_seconds: float | None = None) -> Sent | Retry | Failed | Uncertain:
    """The answer that follows; `error` is of codes and closed words alone, for the other side may echo anything."""
    match means:
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
            assert_never(means)


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "name not resolved"),
    (ssl.SSLCertVerificationError, "certificate refused"),
    (ssl.SSLError, "TLS failed"),
    (ConnectionRefusedError, "connection refused"),
    (TimeoutError, "timed out"),
    (ConnectionError, "connection cut"),
    (OSError, "network error"),
)


def safe_description(error: BaseException) -> str:
    """A closed word for what an exception or its cause says; its own text may name what must not be logged."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 5:
        chain.append(cause)
        cause = cause.__cause__
    return next((word for kind, word in _WORDS if any(isinstance(link, kind) for link in chain)), "unexpected answer")
