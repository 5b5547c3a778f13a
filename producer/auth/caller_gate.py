"""The first step of every call that needs a token: authentication, rate limits and scope, before the body is read."""

import math

from prometheus_client import Counter
from starlette.datastructures import Headers

from producer.auth.rate_limit import RateLimit
from producer.auth.token_verifier import Principal, TokenVerifier
from producer.clock import ClockAndRandom
from producer.errors import TooManyCallsError, UnauthorizedError
from producer.settings import ProducerSettings

HOLD_SECONDS = 1.0
"""Time in seconds for which the answer to a refused caller is held, so that a loop of calls takes little of the CPU."""
MAX_HELD_ANSWERS = 200
"""Maximum number of held answers. A further one is sent at once, so that connections remain for other callers."""
FAILURES_PER_SECOND = 50
"""Rate of failed authentications of all callers above which their answers are held. It is counted over a second."""
BURST_FACTOR = 2
"""Calls of a tenant begin one by one, in a burst at this multiple of its rate. Others would wait for all of them."""


class CallerGate:
    """Lets callers with a valid token in, at the rate of their token and of their tenant. It spreads their bursts."""

    def __init__(
        self, settings: ProducerSettings, verifier: TokenVerifier, calls_over_rate: Counter, clock: ClockAndRandom
    ) -> None:
        self._verifier = verifier
        self._calls_over_rate = calls_over_rate
        self._clock = clock
        self._rates = {
            "token": settings.http_token_calls_per_second,
            "tenant": settings.http_tenant_calls_per_second,
        }
        burst = settings.http_burst_seconds
        self._limits = {name: RateLimit(rate, burst) for name, rate in self._rates.items()}
        self._bursts = RateLimit(BURST_FACTOR * self._rates["tenant"], burst_seconds=0)
        self._failures = RateLimit(FAILURES_PER_SECOND, burst_seconds=1)
        self._held_answers = 0

    async def admit(self, headers: Headers, scope: str) -> Principal:
        """Return the principal of the token. Raises UnauthorizedError, TooManyCallsError, ForbiddenError."""
        try:
            principal = await self._verifier.authenticate(headers)
        except UnauthorizedError:
            now = self._clock.monotonic()
            if self._failures.seconds_until_next("all", now):
                await self._hold()
            else:
                self._failures.count("all", now)
            raise
        await self._check_rates({"token": principal.token_digest, "tenant": principal.tenant_id})
        principal.require(scope)
        await self._wait_for_turn(principal.tenant_id)
        return principal

    async def _check_rates(self, keys: dict[str, str | bytes]) -> None:
        """Count the call, unless the token or its tenant is over its rate. A refused call is not counted."""
        now = self._clock.monotonic()
        for name, key in keys.items():
            if seconds := self._limits[name].seconds_until_next(key, now):
                self._calls_over_rate.labels(name).inc()
                await self._hold()
                raise TooManyCallsError(too_many_calls_message(name, self._rates[name]), math.ceil(seconds))
        for name, key in keys.items():
            self._limits[name].count(key, now)

    async def _wait_for_turn(self, tenant_id: str) -> None:
        now = self._clock.monotonic()
        seconds = self._bursts.seconds_until_next(tenant_id, now)
        self._bursts.count(tenant_id, now)
        if seconds:
            await self._clock.sleep(seconds)

    async def _hold(self) -> None:
        if self._held_answers >= MAX_HELD_ANSWERS:
            return
        self._held_answers += 1
        try:
            await self._clock.sleep(HOLD_SECONDS)
        finally:
            self._held_answers -= 1


def too_many_calls_message(name: str, rate: float) -> str:
    """Return the message about a token or a tenant that is over its rate."""
    return f"too many calls of this {name}: at most {rate:g} per second are allowed. Nothing was done."
