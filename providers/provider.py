"""Protocol that every provider follows. docs/adding-a-provider.md is the recipe for a new one."""

from typing import Protocol

from core.send_result import Message, Retry, SendResult
from schemas.statuses import Channel, Reason


class Provider(Protocol):
    """Service that accepts messages of one channel, one delivery per call."""

    @property
    def name(self) -> str:
        """Return the unique name that operators gave to the provider."""

    @property
    def channel(self) -> Channel:
        """Return the channel whose messages the provider accepts."""

    @property
    def deduplicates(self) -> bool:
        """Return whether the provider honours the delivery id as an idempotency key, so that a repeat is safe."""

    @property
    def rate_per_second(self) -> float | None:
        """Return the maximum number of sends per second, or None for no limit. The caller keeps to it."""

    @property
    def timeout_seconds(self) -> float:
        """Return the maximum time of one `send` in seconds, including the wait for a free connection."""

    async def send(self, message: Message) -> SendResult:
        """Send the message once. Raises only CancelledError.

        If it is cancelled, the message may or may not have been sent. After `stop` or `aclose` the result is `CLOSED`.
        """

    def stop(self, within_seconds: float) -> None:
        """Begin no more sends. The result of a send that waits for a free connection is `CLOSED`.

        Sends that have begun may take `within_seconds` more. Then they end as at their time-out.
        """

    async def check(self) -> str | None:
        """Check everything that can be checked without sending. Return None, or one line that describes the problem."""

    async def aclose(self) -> None:
        """Close the connections. May be called twice."""


CLOSED = Retry(Reason.UNAVAILABLE, "provider closed")
"""Result of a provider that was stopped or closed. Nothing was tried."""

NO_FREE_CONNECTION = Retry(Reason.RATE_LIMITED, "no free connection", offered=False)
"""Result if all connections of the provider stayed busy. Nothing was tried, so it never ends a delivery."""
