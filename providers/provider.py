"""The one Protocol that every provider follows; docs/adding-a-provider.md is the recipe."""

from typing import Protocol

from core.send_result import Message, Retry, SendResult
from schemas.statuses import Channel, Reason


class Provider(Protocol):
    """Someone who takes messages of one channel, one delivery a call."""

    @property
    def name(self) -> str:
        """What operators call it; unique."""

    @property
    def channel(self) -> Channel:
        """The channel whose messages it takes."""

    @property
    def deduplicates(self) -> bool:
        """Whether the other side honours the delivery id as an idempotency key, so that resending is safe."""

    @property
    def rate_per_second(self) -> float | None:
        """How many sends a second the other side allows; None: no limit. The caller keeps to it."""

    @property
    def timeout_seconds(self) -> float:
        """How long a whole `send` may take, the wait for a free connection included."""

    async def send(self, message: Message) -> SendResult:
        """Try once to hand the message over. Raises nothing but CancelledError.

        Cancelled, it may or may not have handed it over. After `stop` or `aclose` it answers `CLOSED`.
        """

    def stop(self, within_seconds: float) -> None:
        """Begin no more sends: one that waits for a free connection is answered `CLOSED` too.

        Those that have begun get so many seconds more at most, and then end as at their time-out.
        """

    async def check(self) -> str | None:
        """Try as much as can be tried without sending: None where all is well, else one line that says what is not."""

    async def aclose(self) -> None:
        """Close its connections. May be called twice."""


CLOSED = Retry(Reason.UNAVAILABLE, "provider closed")
"""The answer of a provider that was stopped or closed: nothing was tried."""

NO_FREE_CONNECTION = Retry(Reason.RATE_LIMITED, "no free connection")
"""The answer when all of one's own connections stayed busy: nothing was tried, so no attempt is spent."""
