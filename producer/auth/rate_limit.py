"""Rate limits on calls, for tokens and tenants."""

from collections import OrderedDict
from collections.abc import Hashable

MAX_KEYS = 10_000
"""Maximum number of tokens, and of tenants, whose calls are counted at a time."""

_ROUNDING_SECONDS = 1e-6
"""Larger than the error of sums of floats."""


class RateLimit:
    """Rate limit with a burst, for each key on its own (the generic cell rate algorithm).

    It keeps one time for each key: when the calls so far would end at exactly the limited rate. A time in the past is
    the same as none. Such keys are dropped, so that keys of the last seconds alone take memory.
    """

    def __init__(self, calls_per_second: float, burst_seconds: float, max_keys: int = MAX_KEYS) -> None:
        self._interval = 1 / calls_per_second if calls_per_second else 0.0
        self._tolerance = max(burst_seconds - self._interval, 0.0)
        self._max_keys = max_keys
        self._paid_until: OrderedDict[Hashable, float] = OrderedDict()

    def seconds_until_next(self, key: Hashable, now: float) -> float:
        """Return the time until a call of this key is allowed. It is 0 if the call is allowed now."""
        seconds = self._paid_until.get(key, now) - now - self._tolerance
        return seconds if seconds > _ROUNDING_SECONDS else 0.0

    def count(self, key: Hashable, now: float) -> None:
        """Count an allowed call of this key."""
        if not self._interval:
            return
        self._paid_until[key] = max(self._paid_until.pop(key, now), now) + self._interval
        while self._paid_until:
            oldest = next(iter(self._paid_until))
            if self._paid_until[oldest] > now and len(self._paid_until) <= self._max_keys:
                return
            del self._paid_until[oldest]

    def __len__(self) -> int:
        return len(self._paid_until)
