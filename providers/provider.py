"""Protocol that every provider follows. docs/adding-a-provider.md is the recipe for a new one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from core.send_result import Retry, SendResult, Uncertain
from providers.draft import Draft
from schemas.statuses import Channel, Reason


class Provider(Protocol):
    """Service that accepts messages of one channel, one or several per call."""

    @property
    def name(self) -> str:
        """Return the unique name that operators gave to the provider."""

    @property
    def channel(self) -> Channel:
        """Return the channel whose messages the provider accepts."""

    @property
    def deduplicates(self) -> bool:
        """Return whether the provider honours the delivery id as an idempotency key, so that a repeat is safe.

        It must deduplicate each message. A key of a whole call is not enough.
        """

    @property
    def batch_size(self) -> int:
        """Return the maximum number of messages of one `send`."""

    @property
    def needs_vendor_template(self) -> bool:
        """Return whether the provider takes no free text, so that it needs `Message.vendor_templates[name]`."""

    @property
    def rate_per_second(self) -> float | None:
        """Return the maximum number of sends per second, or None for no limit. The caller keeps to it."""

    @property
    def timeout_seconds(self) -> float:
        """Return the maximum time of one `send` in seconds, including the wait for a free connection."""

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """Take a slot, prepare each message with `Draft.prepare`, and send it once. Return the results in this order.

        All messages are of one request, and at most `batch_size`. `offer` is the way to call this. If it is cancelled,
        each message may or may not have been sent. After `stop` or `aclose` each result is `CLOSED`.
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


class OneByOne(ABC):
    """Base of a provider that takes one message a call."""

    batch_size = 1
    needs_vendor_template = False

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """Send one message. See `Provider.send`."""
        return [await self.send_one(draft) for draft in drafts]

    @abstractmethod
    async def send_one(self, draft: Draft) -> SendResult:
        """Send the message, and return its result."""


async def offer(provider: Provider, drafts: Sequence[Draft]) -> list[SendResult]:
    """Send drafts, and return a result for each whatever the provider does. It raises only CancelledError.

    A fault before a message was prepared is never `Uncertain`, because nothing can have been written. It uses an
    attempt. After that, any exception may mean that the message was sent. So may a wrong number of results.
    """
    try:
        results = await provider.send(drafts)
        fault = "wrong number of results"
    except Exception as error:  # noqa: BLE001  # see above
        results, fault = [], type(error).__name__
    if len(results) != len(drafts):
        results = [Uncertain(Reason.NO_ANSWER, fault)] * len(drafts)
    return [_settled(draft, result) for draft, result in zip(drafts, results, strict=True)]


def _settled(draft: Draft, result: SendResult) -> SendResult:
    """Return the result of a message. Nothing of a message that was not prepared can have been written."""
    if draft.problem is not None:
        return draft.problem
    if isinstance(result, Uncertain) and not draft.is_prepared:
        return Retry(Reason.UNAVAILABLE, f"before the message was written: {result.error}")
    return result
