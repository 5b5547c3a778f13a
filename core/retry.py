"""Rules for the next attempt and for giving up. No other module decides about retries (I7)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from core.send_result import Retry, Uncertain
from schemas.statuses import Reason

BASE_SECONDS = 2.0
CAP_SECONDS = 600.0
SNOOZE_SECONDS = 5.0
"""Average wait of a rate-limited delivery if the provider named no time, in seconds."""
SPREAD_SECONDS = 5.0
"""Maximum time after the time that a provider named, in seconds. Otherwise all deliveries would come back together."""
LONGEST_WAIT_SECONDS = 7 * 86_400.0
"""Maximum time that a delivery waits because a provider asked for it, in seconds."""


USES_NO_ATTEMPT = frozenset({Reason.PROVIDER_REJECTED_CREDENTIALS, Reason.RATE_LIMITED})
"""Reasons of an answer that uses no attempt."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits for the number and the time of the attempts of a delivery."""

    max_attempts: int
    max_age: timedelta
    """Maximum time that a delivery waits between its tries. A refusal after that ends it."""
    base_seconds: float = BASE_SECONDS
    cap_seconds: float = CAP_SECONDS
    """Maximum backoff, in seconds. A provider may ask for more."""


def backoff_seconds(attempts: int, policy: RetryPolicy, rng: Callable[[], float]) -> float:
    """Return the exponential backoff with full jitter after `attempts` (from 1). `rng` returns numbers in [0, 1).

    Full jitter is described in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. It is a random time from
    zero to a ceiling that doubles with each attempt until the cap.
    """
    return min(policy.cap_seconds, policy.base_seconds * 2.0 ** min(attempts - 1, 32)) * rng()


def gather_seconds(attempts: int) -> float:
    """Return how long deliveries with so many attempts may wait for others of their chunk, in seconds.

    It is an eighth of the time over which they are spread. A chunk is therefore claimed about eight times in that time.
    """
    spread = min(CAP_SECONDS, BASE_SECONDS * 2.0 ** min(attempts - 1, 32)) if attempts else SPREAD_SECONDS
    return spread / 8


class NextTry(NamedTuple):
    """Next try of a delivery."""

    attempts: int
    """Number of attempts used so far."""
    not_before: datetime
    waited: timedelta
    """Age of the delivery at that time: the sum of all its waits. Waits for our own slots do not count."""


def next_attempt(  # noqa: PLR0913  # all that decides is passed in
    answer: Retry | Uncertain,
    attempts: int,
    *,
    refused_before: bool,
    waited: timedelta,
    now: datetime,
    policy: RetryPolicy,
    rng: Callable[[], float],
) -> NextTry | None:
    """Return the next try, or None to give up.

    `attempts` is the number used before this result, and `waited` the age of the delivery when it was tried. With
    `refused_before`, other providers of the route refused it since its last attempt, so that this wait spends it
    whatever the answer is. The next try is never before the time that this provider asked for, even if the delivery is
    older by then than the policy allows. Such a wait ends no delivery. The next refusal does.
    """
    was_called = not isinstance(answer, Retry) or answer.offered
    is_kept_away = answer.reason is Reason.PROVIDER_REJECTED_CREDENTIALS or (
        isinstance(answer, Retry) and answer.unreachable
    )
    uses_attempt = (was_called and answer.reason not in USES_NO_ATTEMPT) or refused_before
    ages = was_called or is_kept_away
    spent = attempts + uses_attempt
    if (uses_attempt and spent >= policy.max_attempts) or (ages and waited >= policy.max_age):
        return None
    own = backoff_seconds(spent, policy, rng) if uses_attempt else SNOOZE_SECONDS * (0.5 + rng())
    delay = timedelta(milliseconds=math.ceil(own * 1000))
    if ages:
        delay = min(delay, policy.max_age - waited)
    if asked := _asked_seconds(answer):
        later = min(max(asked, 1.0), SPREAD_SECONDS) * rng()
        delay = max(delay, timedelta(milliseconds=math.ceil((asked + later) * 1000)))
    return NextTry(spent, now + delay, waited + delay if ages else waited)


def _asked_seconds(answer: Retry | Uncertain) -> float | None:
    """Return the delay that a provider asked for, within reason, or None. A provider may name a million years."""
    asked = answer.delay_seconds if isinstance(answer, Retry) else None
    return min(asked, LONGEST_WAIT_SECONDS) if asked is not None and asked > 0 else None
