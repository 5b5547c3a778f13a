"""Decisions of a simulator: the result of each attempt, by rates and by endings of addresses.

A decision depends on the seed, the delivery id and the attempt, so that a run can be repeated in any order. The kind
`simulator` and the command `rollcall simulator` share this module. It keeps delivery ids, and never an address.
"""

from collections import OrderedDict
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Rate = Annotated[float, Field(ge=0, le=1)]


class SimulatedBehaviour(BaseModel):
    """Settings of what a simulator does."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

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


class SimulatedResult(StrEnum):
    """Behaviour of a simulator for one attempt."""

    TAKE = "take"
    REPEAT = "repeat"
    """Answered as `TAKE`, because a deduplicating simulator has taken this delivery id already."""
    FAIL = "fail"
    RETRY = "retry"
    THROTTLE = "throttle"
    HANG = "hang"
    DROP = "drop"


_FINAL = {SimulatedResult.TAKE, SimulatedResult.FAIL}
"""Results that no further attempt is expected after, so that the first attempt need not be remembered."""


class SimulatedResults:
    """Results of the attempts that reach one simulator. It remembers the latest `remember` delivery ids."""

    def __init__(self, behaviour: SimulatedBehaviour) -> None:
        self._behaviour = behaviour
        self._shares = _shares(behaviour)
        self._rules = _rules(behaviour)
        self._always_accepts = not self._shares and not self._rules
        self._seen: OrderedDict[str, int] = OrderedDict()
        """Number of attempts by delivery id."""
        self._taken: OrderedDict[str, int] = OrderedDict()
        """Accepted delivery ids, by which a deduplicating simulator recognises a repeat."""

    def next_result(self, delivery_id: str, to: str) -> SimulatedResult:
        """Return the result of the next attempt of a delivery."""
        if delivery_id in self._taken:
            return SimulatedResult.REPEAT
        if self._always_accepts:
            return SimulatedResult.TAKE
        attempt = self._seen.get(delivery_id, 0) + 1
        result = self._decide(delivery_id, to, attempt)
        if result not in _FINAL or attempt > 1:
            self._remember(self._seen, delivery_id)
        return result

    def latency_seconds(self, delivery_id: str) -> float:
        """Return the time until the answer to a delivery, in seconds."""
        behaviour = self._behaviour
        jitter_ms = behaviour.jitter_ms * random_fraction(behaviour.seed, f"{delivery_id} latency")
        return (behaviour.latency_ms + jitter_ms) / 1000

    def take(self, delivery_id: str) -> None:
        """Note that the delivery was accepted."""
        if self._behaviour.deduplicates:
            self._remember(self._taken, delivery_id)

    def _decide(self, delivery_id: str, to: str, attempt: int) -> SimulatedResult:
        for result, suffixes, first_only in self._rules:
            if to.endswith(suffixes) and (attempt == 1 or not first_only):
                return result
        drawn = random_fraction(self._behaviour.seed, f"{delivery_id} {attempt}")
        for result, below in self._shares:
            if drawn < below:
                return result
        return SimulatedResult.TAKE

    def _remember(self, counts: OrderedDict[str, int], delivery_id: str) -> None:
        """Count a delivery id, and forget the oldest one beyond the limit."""
        counts[delivery_id] = counts.get(delivery_id, 0) + 1
        if len(counts) > self._behaviour.remember:
            counts.popitem(last=False)


def random_fraction(seed: int, key: str) -> float:
    """Return a number in [0, 1) that depends on the seed and the key."""
    digest = blake2b(f"{seed} {key}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _shares(behaviour: SimulatedBehaviour) -> tuple[tuple[SimulatedResult, float], ...]:
    """Return the results with the upper bounds of their parts of [0, 1). Return none if every attempt is accepted."""
    rates = {
        SimulatedResult.FAIL: behaviour.failure_rate,
        SimulatedResult.RETRY: behaviour.retry_rate,
        SimulatedResult.THROTTLE: behaviour.throttle_rate,
        SimulatedResult.HANG: behaviour.hang_rate,
        SimulatedResult.DROP: behaviour.drop_rate,
    }
    shares, below = [], 0.0
    for result, rate in rates.items():
        below += rate
        if rate:
            shares.append((result, below))
    return tuple(shares)


def _rules(behaviour: SimulatedBehaviour) -> tuple[tuple[SimulatedResult, tuple[str, ...], bool], ...]:
    """Return (result, endings of an address, only at the first attempt). The first rule that matches counts."""
    rules = (
        (SimulatedResult.FAIL, behaviour.fail_suffixes, False),
        (SimulatedResult.RETRY, behaviour.retry_once_suffixes, True),
        (SimulatedResult.THROTTLE, behaviour.throttle_once_suffixes, True),
        (SimulatedResult.HANG, behaviour.hang_suffixes, False),
        (SimulatedResult.DROP, behaviour.drop_suffixes, False),
    )
    return tuple(rule for rule in rules if rule[1])
