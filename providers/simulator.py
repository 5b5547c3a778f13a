"""Kind `simulator`: a provider in this process that sends nothing and fails as its entry describes.

`providers/simulated_results.py` decides on each attempt. The provider keeps no address.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.connection_slots import TimeLimits
from providers.draft import Draft, as_it_is
from providers.entries import ProviderEntry
from providers.network import Network
from providers.provider import CLOSED, OneByOne
from providers.simulated_results import SimulatedBehaviour, SimulatedResult, SimulatedResults
from schemas.statuses import Reason


class SimulatorEntry(SimulatedBehaviour, ProviderEntry):
    """Settings of a provider in this process that sends nothing, for demos, tests and load."""

    kind: Literal["simulator"]
    batch_size: int = Field(default=1, ge=1, le=1_000, description="maximum number of deliveries of one call")


class SimulatorProvider(OneByOne):
    """Provider that simulates results. See the module."""

    def __init__(self, entry: SimulatorEntry, network: Network | None = None) -> None:  # noqa: ARG002  # no connection
        self.name = entry.name
        self.channel = entry.channel
        self.deduplicates = entry.deduplicates
        self.batch_size = entry.batch_size
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self.accepted = 0
        """Number of accepted deliveries. A repeat counts again unless the provider deduplicates."""
        self._answers = _answers(entry)
        self._results = SimulatedResults(entry)
        self._waits = entry.latency_ms > 0 or entry.jitter_ms > 0
        self._limits = TimeLimits()
        self._closed = False

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """Return the result of each message of a call."""
        if len(drafts) == 1:
            return [await self.send_one(drafts[0])]
        calls = await asyncio.gather(*map(self.send_one, drafts), return_exceptions=True)
        return [_result_of(call) for call in calls]

    async def send_one(self, draft: Draft) -> SendResult:
        """Return the result that the entry asks for. Without latency it comes at once."""
        if self._closed:
            return CLOSED
        message = await draft.prepare(as_it_is)
        result = self._results.next_result(message.id, message.to)
        if result is SimulatedResult.REPEAT:
            return self._sent(message)
        if self._waits or result is SimulatedResult.HANG:
            try:
                async with self._limits.within(self.timeout_seconds):
                    await (
                        _forever()
                        if result is SimulatedResult.HANG
                        else asyncio.sleep(self._results.latency_seconds(message.id))
                    )
            except TimeoutError:
                return self._answers[SimulatedResult.HANG]
        if result is SimulatedResult.TAKE or result is SimulatedResult.DROP:
            self._take(message.id)
        return self._sent(message) if result is SimulatedResult.TAKE else self._answers[result]

    async def check(self) -> str | None:
        """Return None unless the provider is closed."""
        return "provider closed" if self._closed else None

    def stop(self, within_seconds: float) -> None:
        """Return `CLOSED` from now on. Running sends may take `within_seconds` more."""
        self._closed = True
        self._limits.shorten(within_seconds)

    async def aclose(self) -> None:
        """Return `CLOSED` from now on."""
        self._closed = True

    def _sent(self, message: Message) -> Sent:
        return Sent(f"sim-{message.id}")

    def _take(self, delivery_id: str) -> None:
        self.accepted += 1
        self._results.take(delivery_id)


def _result_of(call: SendResult | BaseException) -> SendResult:
    """Return the result of one message. Its error says nothing about the others of its call."""
    if isinstance(call, Exception):
        return Uncertain(Reason.NO_ANSWER, type(call).__name__)
    if isinstance(call, BaseException):
        raise call
    return call


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


def _answers(entry: SimulatorEntry) -> dict[SimulatedResult, SendResult]:
    return {
        SimulatedResult.FAIL: Failed(Reason.REJECTED, "simulated: refused"),
        SimulatedResult.RETRY: Retry(Reason.UNAVAILABLE, "simulated: unavailable"),
        SimulatedResult.THROTTLE: Retry(Reason.RATE_LIMITED, "simulated: too many", entry.retry_after_seconds),
        SimulatedResult.HANG: Uncertain(Reason.NO_ANSWER, "simulated: timed out"),
        SimulatedResult.DROP: Uncertain(Reason.NO_ANSWER, "simulated: cut"),
    }
