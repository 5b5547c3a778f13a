"""Kind `simulator`: a provider in this process that sends nothing and fails as its entry describes.

Its result depends on the seed, the delivery id and the attempt, so that a run can be repeated in any order. The
provider keeps the latest `remember` delivery ids, and never an address.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum, auto
from hashlib import blake2b
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.connection_slots import TimeLimits
from providers.draft import Draft, as_it_is
from providers.entries import ProviderEntry
from providers.provider import CLOSED, OneByOne
from schemas.statuses import Reason

Rate = Annotated[float, Field(ge=0, le=1)]


class SimulatorEntry(ProviderEntry):
    """Settings of a provider in this process that sends nothing, for demos, tests and load."""

    kind: Literal["simulator"]
    deduplicates: bool = Field(
        default=False, description="true to behave like a provider that accepts each delivery id once"
    )
    latency_ms: float = Field(default=0.0, ge=0, description="time until an answer, in milliseconds")
    jitter_ms: float = Field(default=0.0, ge=0, description="maximum random time on top, in milliseconds")
    failure_rate: Rate = Field(default=0.0, description="share of deliveries that is rejected permanently")
    retry_rate: Rate = Field(default=0.0, description="share of attempts that is refused temporarily")
    throttle_rate: Rate = Field(default=0.0, description="share of attempts that is asked to wait")
    hang_rate: Rate = Field(default=0.0, description="share of attempts that is neither accepted nor answered")
    drop_rate: Rate = Field(default=0.0, description="share of attempts that is accepted but not answered")
    retry_after_seconds: float | None = Field(
        default=None, ge=0, description="time that a throttled attempt is asked to wait, in seconds"
    )
    seed: int = Field(
        default=0, description="seed of the results. The same seed, delivery id and attempt have the same result."
    )
    fail_suffixes: tuple[str, ...] = Field(default=(), description="endings of addresses that are rejected permanently")
    retry_once_suffixes: tuple[str, ...] = Field(
        default=(), description="endings of addresses that are refused at the first attempt"
    )
    throttle_once_suffixes: tuple[str, ...] = Field(
        default=(), description="endings of addresses that are asked to wait at the first attempt"
    )
    hang_suffixes: tuple[str, ...] = Field(
        default=(), description="endings of addresses that are neither accepted nor answered"
    )
    drop_suffixes: tuple[str, ...] = Field(
        default=(), description="endings of addresses that are accepted but not answered"
    )
    batch_size: int = Field(default=1, ge=1, le=1_000, description="maximum number of deliveries of one call")
    remember: int = Field(
        default=100_000, ge=1, le=10_000_000, description="number of delivery ids that the simulator remembers"
    )

    @field_validator("fail_suffixes", "retry_once_suffixes", "throttle_once_suffixes", "hang_suffixes", "drop_suffixes")
    @classmethod
    def _no_empty_suffix(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "" in value:
            raise ValueError("an empty suffix would match every address")
        return value

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.failure_rate + self.retry_rate + self.throttle_rate + self.hang_rate + self.drop_rate > 1 + 1e-9:
            raise ValueError("the sum of the rates must be at most 1")
        return self


class SimulatedResult(Enum):
    """Behaviour of the simulator for one attempt."""

    TAKE = auto()
    FAIL = auto()
    RETRY = auto()
    THROTTLE = auto()
    HANG = auto()
    DROP = auto()


_FINAL = {SimulatedResult.TAKE, SimulatedResult.FAIL}
"""Results that no further attempt is expected after, so that the first attempt need not be remembered."""


class SimulatorProvider(OneByOne):
    """Provider that simulates results. See the module."""

    def __init__(self, entry: SimulatorEntry) -> None:
        self.name = entry.name
        self.channel = entry.channel
        self.deduplicates = entry.deduplicates
        self.batch_size = entry.batch_size
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self.accepted = 0
        """Number of accepted deliveries. A repeat counts again unless the provider deduplicates."""
        self._entry = entry
        self._results = _results(entry)
        self._shares = _shares(entry)
        self._rules = _rules(entry)
        self._always_accepts = not self._shares and not self._rules
        self._waits = entry.latency_ms > 0 or entry.jitter_ms > 0
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._taken: OrderedDict[str, int] = OrderedDict()
        """Accepted delivery ids, by which a deduplicating provider recognises a repeat."""
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
        if message.id in self._taken:
            return self._sent(message)
        result = SimulatedResult.TAKE if self._always_accepts else self._next_result(message)
        if self._waits or result is SimulatedResult.HANG:
            try:
                async with self._limits.within(self.timeout_seconds):
                    await (
                        _forever()
                        if result is SimulatedResult.HANG
                        else asyncio.sleep(self._latency_seconds(message.id))
                    )
            except TimeoutError:
                return self._results[SimulatedResult.HANG]
        if result is SimulatedResult.TAKE or result is SimulatedResult.DROP:
            self._take(message.id)
        return self._sent(message) if result is SimulatedResult.TAKE else self._results[result]

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

    def _next_result(self, message: Message) -> SimulatedResult:
        attempt = self._seen.get(message.id, 0) + 1
        result = self._decide(message, attempt)
        if result not in _FINAL or attempt > 1:
            self._remember(self._seen, message.id)
        return result

    def _decide(self, message: Message, attempt: int) -> SimulatedResult:
        for result, suffixes, first_only in self._rules:
            if message.to.endswith(suffixes) and (attempt == 1 or not first_only):
                return result
        drawn = self._random_fraction(f"{message.id} {attempt}")
        for result, below in self._shares:
            if drawn < below:
                return result
        return SimulatedResult.TAKE

    def _latency_seconds(self, delivery_id: str) -> float:
        return (self._entry.latency_ms + self._entry.jitter_ms * self._random_fraction(f"{delivery_id} latency")) / 1000

    def _random_fraction(self, key: str) -> float:
        """Return a number in [0, 1) that depends on the seed and the key."""
        digest = blake2b(f"{self._entry.seed} {key}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    def _take(self, delivery_id: str) -> None:
        self.accepted += 1
        if self.deduplicates:
            self._remember(self._taken, delivery_id)

    def _remember(self, counts: OrderedDict[str, int], delivery_id: str) -> None:
        """Count a delivery id, and forget the oldest one beyond the limit of the entry."""
        counts[delivery_id] = counts.get(delivery_id, 0) + 1
        if len(counts) > self._entry.remember:
            counts.popitem(last=False)


def _result_of(call: SendResult | BaseException) -> SendResult:
    """Return the result of one message. Its error says nothing about the others of its call."""
    if isinstance(call, Exception):
        return Uncertain(Reason.NO_ANSWER, type(call).__name__)
    if isinstance(call, BaseException):
        raise call
    return call


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


def _results(entry: SimulatorEntry) -> dict[SimulatedResult, SendResult]:
    return {
        SimulatedResult.FAIL: Failed(Reason.REJECTED, "simulated: refused"),
        SimulatedResult.RETRY: Retry(Reason.UNAVAILABLE, "simulated: unavailable"),
        SimulatedResult.THROTTLE: Retry(Reason.RATE_LIMITED, "simulated: too many", entry.retry_after_seconds),
        SimulatedResult.HANG: Uncertain(Reason.NO_ANSWER, "simulated: timed out"),
        SimulatedResult.DROP: Uncertain(Reason.NO_ANSWER, "simulated: cut"),
    }


def _shares(entry: SimulatorEntry) -> tuple[tuple[SimulatedResult, float], ...]:
    """Return the results with the upper bounds of their parts of [0, 1). Return none if every attempt is accepted."""
    rates = {
        SimulatedResult.FAIL: entry.failure_rate,
        SimulatedResult.RETRY: entry.retry_rate,
        SimulatedResult.THROTTLE: entry.throttle_rate,
        SimulatedResult.HANG: entry.hang_rate,
        SimulatedResult.DROP: entry.drop_rate,
    }
    shares, below = [], 0.0
    for result, rate in rates.items():
        below += rate
        if rate:
            shares.append((result, below))
    return tuple(shares)


def _rules(entry: SimulatorEntry) -> tuple[tuple[SimulatedResult, tuple[str, ...], bool], ...]:
    """Return (result, endings of an address, only at the first attempt). The first rule that matches counts."""
    rules = (
        (SimulatedResult.FAIL, entry.fail_suffixes, False),
        (SimulatedResult.RETRY, entry.retry_once_suffixes, True),
        (SimulatedResult.THROTTLE, entry.throttle_once_suffixes, True),
        (SimulatedResult.HANG, entry.hang_suffixes, False),
        (SimulatedResult.DROP, entry.drop_suffixes, False),
    )
    return tuple(rule for rule in rules if rule[1])
