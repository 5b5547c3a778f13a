"""What a provider answers, as values (I7), and the message it is asked to send."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.statuses import Channel, Reason


@dataclass(slots=True, repr=False)
class Message:
    """One rendered delivery as a provider gets it. Its repr shows no address and no text.

    Not frozen, since that takes three times as long to make; nobody changes one.
    """

    id: str
    """The delivery id: the same at every attempt, so that a provider may deduplicate by it."""
    channel: Channel
    to: str
    text: str
    subject: str | None
    is_html: bool
    reference: str | None
    tenant_id: str

    def __repr__(self) -> str:
        return f"Message({self.id})"


class Sent(NamedTuple):
    """The provider took the message."""

    message_id: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The provider did not take it, for now. A `rate_limited` one is a snooze and spends no attempt."""

    reason: Reason
    """`unavailable` or `rate_limited`."""
    error: str | None = None
    delay_seconds: float | None = None
    """What the provider asked for, such as Retry-After."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider refused it for good."""

    reason: Reason
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The request was written, its answer never came: the message may or may not have been taken."""

    reason: Reason
    error: str | None = None


SendResult = Sent | Retry | Failed | Uncertain
