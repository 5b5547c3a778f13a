"""Messages of one `send` of an HTTP API, and the calls that are made for them."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from core.send_result import Failed, Retry, SendResult
from providers.draft import Draft
from schemas.statuses import Reason

T = TypeVar("T")

NOT_REACHED = Retry(Reason.RATE_LIMITED, "no time left for this call", offered=False)
"""Result of a message whose call did not begin in the time of its batch. Nothing was tried."""


class HttpBatch(Generic[T]):
    """Messages of one `send`, the calls that have not begun, and the results so far."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.prepared: dict[int, T] = {}
        """Messages as the vendor takes them, by place."""
        self.calls: deque[list[int]] = deque()
        """Places of the messages of each call."""
        self.tried: set[int] = set()
        """Places of the messages that were in a call."""
        self.division: Failed | None = None
        """Refusal of a call that was divided."""
        self.waiting: set[asyncio.Task[None] | None] = set()
        """Tasks that wait for one more connection."""
        self._results: list[SendResult | None] = [None] * len(drafts)

    def messages(self, places: Sequence[int]) -> list[T]:
        """Return the messages of a call."""
        return [self.prepared[place] for place in places]

    def settle(self, places: Sequence[int], *results: SendResult) -> None:
        """Set the result of each place. One result counts for all of them."""
        for place, result in zip(places, results * len(places) if len(results) == 1 else results, strict=True):
            self._results[place] = result

    def settle_rest(self, result: SendResult) -> None:
        """Set the result of every message that has none. That of a call under way comes later and counts."""
        self._results = [result if one is None else one for one in self._results]

    def end(self, result: Retry) -> None:
        """Begin no further call. Its messages have this result, and use no attempt."""
        result = replace(result, offered=False) if result.reason is Reason.RATE_LIMITED else result
        for places in self.calls:
            self.settle(places, result)
        self.calls.clear()

    async def may_call(self, places: list[int], latest_start: float) -> bool:
        """Wait for the rate of messages that are sent once more. Return False if their call would begin too late."""
        is_first_try = self.tried.isdisjoint(places)
        self.tried.update(places)
        if is_first_try:
            return True
        try:
            async with asyncio.timeout_at(latest_start):
                return await self.drafts[0].wait_for_rate(len(places))
        except TimeoutError:
            return False

    def divide(self, places: list[int], refusal: Failed, wrong: Sequence[int]) -> None:
        """Call again for the messages that were refused with another one. They use no attempt.

        If the vendor does not say which message is wrong, each half is called for alone.
        """
        blamed = [places[at] for at in wrong]
        if blamed:
            self.settle(blamed, refusal)
            rest = [[place for place in places if place not in blamed]]
        else:
            # Another division each time. Otherwise the same first messages might take all of the time, try after try.
            self.division = refusal
            order = random.sample(places, len(places))
            half = (len(places) + 1) // 2
            rest = [order[:half], order[half:]]
        self.calls.extendleft(reversed([group for group in rest if group]))

    def results(self) -> list[SendResult]:
        """Return the results in order. If nothing came of a division, the try counts, so that it ends at some time."""
        if self.division and not any(self._results):
            self.settle_rest(Retry(Reason.UNAVAILABLE, self.division.error))
        self.settle_rest(NOT_REACHED)
        return [result for result in self._results if result is not None]
