"""Rules for the next attempt and for giving up. No other module decides about retries (I7)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.send_result import Retry, Uncertain
from schemas.statuses import Reason

BASE_SECONDS = 2.0
CAP_SECONDS = 600.0
SNOOZE_SECONDS = 5.0
"""Average wait of a rate-limited delivery if the provider named no time, in seconds."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits for the number and the time of the attempts of a delivery."""

    max_attempts: int
    max_age: timedelta
    base_seconds: float = BASE_SECONDS
    cap_seconds: float = CAP_SECONDS
    """Maximum backoff, in seconds. A provider may ask for more."""


def backoff_seconds(attempts: int, policy: RetryPolicy, rng: Callable[[], float]) -> float:
    """Return the exponential backoff with full jitter after `attempts` (from 1). `rng` returns numbers in [0, 1).

    Full jitter is described in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. It is a random time from
    zero to a ceiling that doubles with each attempt until the cap.
    """
    return min(policy.cap_seconds, policy.base_seconds * 2.0 ** min(attempts - 1, 32)) * rng()


def next_attempt(  # noqa: PLR0913  # all that decides is passed in
    answer: Retry | Uncertain,
    attempts: int,
    *,
    other_provider: bool,
    started_at: datetime,
    now: datetime,
    policy: RetryPolicy,
    rng: Callable[[], float],
) -> tuple[int, datetime] | None:
    """Return (attempts used so far, not before) of the next attempt, or None to give up.

    `attempts` is the number used before this result. If another provider of the channel is next, it is tried at once.
    Otherwise the next attempt is never before the time that this provider asked for, even if that is late.
    """
    if isinstance(answer, Retry) and answer.reason is Reason.RATE_LIMITED:
        asked = answer.delay_seconds
        spent, delay = attempts, asked if asked and asked > 0 else SNOOZE_SECONDS * (0.5 + rng())
    else:
        spent = attempts + 1
        asked = answer.delay_seconds if isinstance(answer, Retry) else None
        delay = 0.0 if other_provider else backoff_seconds(spent, policy, rng)
        delay = delay if asked is None or other_provider else max(delay, asked)
    if spent >= policy.max_attempts or delay > policy.max_age.total_seconds():
        return None  # the provider names the delay, and a million years would overflow
    not_before = now + timedelta(seconds=delay)
    return None if not_before - started_at > policy.max_age else (spent, not_before)
