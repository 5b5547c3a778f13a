"""The kind `simulator`: a provider in this process that sends nothing and misbehaves as its entry says.

What it answers follows from its seed, the delivery id and how often it saw that id, so that a run can be repeated
whatever the order. It keeps delivery ids, the latest `remember` of them, and never an address.
"""

import asyncio
from collections import OrderedDict
from enum import Enum, auto
from hashlib import blake2b
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.connection_slots import TimeLimits
from providers.entries import ProviderEntry
from providers.provider import CLOSED
from schemas.statuses import Reason

Rate = Annotated[float, Field(ge=0, le=1)]


class SimulatorEntry(ProviderEntry):
    """A provider in this process that sends nothing: for demos, tests and load."""

    kind: Literal["simulator"]
    deduplicates: bool = Field(default=False, description="play a provider that takes each delivery id once")
    latency_ms: float = Field(default=0.0, ge=0, description="how long an answer takes")
    jitter_ms: float = Field(default=0.0, ge=0, description="up to how much longer it takes, at random")
    failure_rate: Rate = Field(default=0.0, description="share that is refused for good")
    retry_rate: Rate = Field(default=0.0, description="share of attempts that is refused for the moment")
    throttle_rate: Rate = Field(default=0.0, description="share of attempts that is asked to wait")
    hang_rate: Rate = Field(default=0.0, description="share of attempts that is not taken and never answered")
    drop_rate: Rate = Field(default=0.0, description="share of attempts that is taken and not answered")
    retry_after_seconds: float | None = Field(
        default=None, ge=0, description="how long a throttled one is asked to wait"
    )
    seed: int = Field(default=0, description="the same seed, delivery id and attempt get the same answer")
    fail_suffixes: tuple[str, ...] = Field(default=(), description="addresses with these endings are refused for good")
    retry_once_suffixes: tuple[str, ...] = Field(default=(), description="... are refused at the first attempt")
    throttle_once_suffixes: tuple[str, ...] = Field(
        default=(), description="... are asked to wait at the first attempt"
    )
    hang_suffixes: tuple[str, ...] = Field(default=(), description="... are not taken and never answered")
    drop_suffixes: tuple[str, ...] = Field(default=(), description="... are taken and not answered")
    remember: int = Field(default=100_000, ge=1, le=10_000_000, description="how many delivery ids it keeps in mind")

    @field_validator("fail_suffixes", "retry_once_suffixes", "throttle_once_suffixes", "hang_suffixes", "drop_suffixes")
    @classmethod
    def _no_empty_suffix(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "" in value:
            raise ValueError("an empty suffix would match every address")
        return value

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.failure_rate + self.retry_rate + self.throttle_rate + self.hang_rate + self.drop_rate > 1 + 1e-9:
            raise ValueError("the rates sum to more than 1")
        return self


class SimulatedResult(Enum):
    """What the simulator does with an attempt."""

    TAKE = auto()
    FAIL = auto()
    RETRY = auto()
    THROTTLE = auto()
    HANG = auto()
    DROP = auto()


_FINAL = {SimulatedResult.TAKE, SimulatedResult.FAIL}
"""No further attempt is expected, so that the first one need not be remembered."""


class SimulatorProvider:
    """See the module."""

    def __init__(self, entry: SimulatorEntry) -> None:
        self.name = entry.name
        self.channel = entry.channel
        self.deduplicates = entry.deduplicates
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self.accepted = 0
        """How many deliveries it took; a repeat counts again unless it deduplicates."""
        self._entry = entry
        self._answers = _answers(entry)
        self._shares = _shares(entry)
        self._rules = _rules(entry)
        self._steady = not self._shares and not self._rules
        self._waits = entry.latency_ms > 0 or entry.jitter_ms > 0
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._taken: OrderedDict[str, int] = OrderedDict()
        """What a repeat is recognised by, where it deduplicates."""
        self._limits = TimeLimits()
        self._closed = False

    async def send(self, message: Message) -> SendResult:
        """Answer as the entry says; without latency at once."""
        if self._closed:
            return CLOSED
        if message.id in self._taken:
            return self._sent(message)
        turn = SimulatedResult.TAKE if self._steady else self._turn(message)
        if self._waits or turn is SimulatedResult.HANG:
            try:
                async with self._limits.within(self.timeout_seconds):
                    await (
                        _forever() if turn is SimulatedResult.HANG else asyncio.sleep(self._latency_seconds(message.id))
                    )
            except TimeoutError:
                return self._answers[SimulatedResult.HANG]
        if turn is SimulatedResult.TAKE or turn is SimulatedResult.DROP:
            self._take(message.id)
        return self._sent(message) if turn is SimulatedResult.TAKE else self._answers[turn]

    async def check(self) -> str | None:
        """Nothing can be wrong with it, unless it is closed."""
        return "provider closed" if self._closed else None

    def stop(self, within_seconds: float) -> None:
        """Answer `CLOSED` from now on; what is awaited gets so many seconds more."""
        self._closed = True
        self._limits.shorten(within_seconds)

    async def aclose(self) -> None:
        """Answer `CLOSED` from now on."""
        self._closed = True

    def _sent(self, message: Message) -> Sent:
        return Sent(f"sim-{message.id}")

    def _turn(self, message: Message) -> SimulatedResult:
        attempt = self._seen.get(message.id, 0) + 1
        turn = self._decide(message, attempt)
        if turn not in _FINAL or attempt > 1:
            self._remember(self._seen, message.id)
        return turn

    def _decide(self, message: Message, attempt: int) -> SimulatedResult:
        for turn, suffixes, first_only in self._rules:
            if message.to.endswith(suffixes) and (attempt == 1 or not first_only):
                return turn
        drawn = self._random_fraction(f"{message.id} {attempt}")
        for turn, below in self._shares:
            if drawn < below:
                return turn
        return SimulatedResult.TAKE

    def _latency_seconds(self, delivery_id: str) -> float:
        return (self._entry.latency_ms + self._entry.jitter_ms * self._random_fraction(f"{delivery_id} latency")) / 1000

    def _random_fraction(self, what: str) -> float:
        """A number in [0, 1) that follows from the seed and `what`."""
        digest = blake2b(f"{self._entry.seed} {what}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    def _take(self, delivery_id: str) -> None:
        self.accepted += 1
        if self.deduplicates:
            self._remember(self._taken, delivery_id)

    def _remember(self, counts: OrderedDict[str, int], delivery_id: str) -> None:
        """Count one more, forgetting the oldest beyond what the entry says."""
        counts[delivery_id] = counts.get(delivery_id, 0) + 1
        if len(counts) > self._entry.remember:
            counts.popitem(last=False)


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


def _shares(entry: SimulatorEntry) -> tuple[tuple[SimulatedResult, float], ...]:
    """The turns with the upper bounds of their parts of [0, 1); nothing where every attempt is taken."""
    rates = {
        SimulatedResult.FAIL: entry.failure_rate,
        SimulatedResult.RETRY: entry.retry_rate,
        SimulatedResult.THROTTLE: entry.throttle_rate,
        SimulatedResult.HANG: entry.hang_rate,
        SimulatedResult.DROP: entry.drop_rate,
    }
    shares, below = [], 0.0
    for turn, rate in rates.items():
        below += rate
        if rate:
            shares.append((turn, below))
    return tuple(shares)


def _rules(entry: SimulatorEntry) -> tuple[tuple[SimulatedResult, tuple[str, ...], bool], ...]:
    """(turn, endings of an address, only at the first attempt), the first that matches counts."""
    rules = (
        (SimulatedResult.FAIL, entry.fail_suffixes, False),
        (SimulatedResult.RETRY, entry.retry_once_suffixes, True),
        (SimulatedResult.THROTTLE, entry.throttle_once_suffixes, True),
        (SimulatedResult.HANG, entry.hang_suffixes, False),
        (SimulatedResult.DROP, entry.drop_suffixes, False),
    )
    return tuple(rule for rule in rules if rule[1])
