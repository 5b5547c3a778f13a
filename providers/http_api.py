"""Interface of a vendor's HTTP API: the requests that it takes, and what its answers mean."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from core.send_result import Message, SendResult
from providers.result_codes import ResultKind, result_for

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class HttpRequest:
    """One POST. Its repr shows nothing, because it has addresses and secrets."""

    url: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers besides those of the session."""
    content_type: str = "application/json"


class ApiAnswer(NamedTuple):
    """Response to one POST. Its repr shows only the status, because a vendor may echo addresses and texts."""

    status: int
    headers: Mapping[str, str]
    """Headers of the response. Their names are compared without case."""
    body: bytes | None
    """Body, or None if it was cut or is too long."""

    def __repr__(self) -> str:
        return f"ApiAnswer({self.status})"

    def document(self) -> Any:
        """Return the JSON of the body, or None if it is not JSON in UTF-8."""
        try:
            return orjson.loads(self.body or b"")
        except orjson.JSONDecodeError:
            return None

    def fields(self) -> dict[str, Any]:
        """Return the JSON object of the body, or an empty one if it is something else."""
        document = self.document()
        return document if isinstance(document, dict) else {}


class OneForAll(NamedTuple):
    """One result for the whole call.

    If it is `Failed` and the call has several messages, one of them is to blame. The others are sent again without it.
    """

    result: SendResult
    wrong: tuple[int, ...] = ()
    """Places of the messages that the vendor blames, if it says so. Otherwise the call is split."""
    blames_no_message: bool = False
    """True if each message would be refused with this result, such as for a sender that the vendor does not know."""


Results = list[SendResult] | OneForAll
"""Result of each message of a call in order, or one for all."""


class HttpApi(ABC, Generic[T]):
    """API of a vendor. `T` is a message as the vendor takes it. No method does I/O."""

    batch_size = 1
    """Maximum number of messages of one `send`. `groups` may divide them into several calls."""
    deduplicates = False
    needs_vendor_template = False
    """True if the vendor takes no free text, and a template must have a mapping for it."""
    check_url: str
    """URL whose host `check` connects to."""

    @abstractmethod
    def encode(self, message: Message) -> T:
        """Return the message as the vendor takes it. Raise UnsendableError if the vendor would refuse it."""

    def groups(self, messages: Sequence[T]) -> list[list[int]]:
        """Divide the messages into calls, each a list of places. Without an own rule, all are in one call."""
        return [list(range(len(messages)))]

    @abstractmethod
    def request(self, messages: Sequence[T]) -> HttpRequest:
        """Return the POST for these messages, signed now."""

    @abstractmethod
    def results(self, messages: Sequence[T], answer: ApiAnswer) -> Results:
        """Return what the answer means. If this raises, or returns another number, each message is `Uncertain`."""


def result_of_status(answer: ApiAnswer, delay_seconds: float | None = None) -> SendResult:
    """Return the result of an answer that has no code of the vendor in a readable body.

    An answer with 4xx, 301, 307 or 308 refuses the request (RFC 9110, section 15). A 2xx or 5xx may come
    after the vendor took the messages. So may a 409 or 499 of a proxy that had passed the call on.
    """
    return result_for(_STATUSES.get(answer.status, _kind_of(answer.status)), f"HTTP {answer.status}", delay_seconds)


_STATUSES = {
    **dict.fromkeys((301, 307, 308), ResultKind.UNAVAILABLE),  # moved: base_url must be corrected
    **dict.fromkeys((401, 403, 407), ResultKind.CREDENTIALS),
    429: ResultKind.RATE_LIMITED,
    **dict.fromkeys((409, 499), ResultKind.NO_ANSWER),
}


def _kind_of(status: int) -> ResultKind:
    return ResultKind.UNAVAILABLE if status // 100 == 4 else ResultKind.NO_ANSWER
