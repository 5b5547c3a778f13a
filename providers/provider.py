"""Protocol that every provider follows. docs/adding-a-provider.md is the recipe for a new one."""

from typing import Protocol

from core.send_result import Retry, SendResult, Uncertain
from providers.draft import Draft
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

    async def send(self, draft: Draft) -> SendResult:
        """Take a slot, prepare the message with `draft.prepare`, and send it once. `offer` is the way to call this.

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


async def offer(provider: Provider, draft: Draft) -> SendResult:
    """Send a draft, and return a result whatever the provider does. It raises only CancelledError.

    A fault before the message was prepared is never `Uncertain`, because nothing can have been written. It uses an
    attempt. After that, any exception may mean that the message was sent.
    """
    try:
        result = await provider.send(draft)
    except Exception as error:  # noqa: BLE001  # see above
        result = Uncertain(Reason.NO_ANSWER, type(error).__name__)
    if draft.problem is not None:
        return draft.problem
    if isinstance(result, Uncertain) and not draft.is_prepared:
        return Retry(Reason.UNAVAILABLE, f"before the message was written: {result.error}")
    return result
