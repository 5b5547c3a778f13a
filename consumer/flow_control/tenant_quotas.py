"""Limits of tenants that all processes share: messages a minute, an hour and a day."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

from consumer.flow_control.shared_rate import MAX_DELAY_SECONDS
from consumer.flow_control.tenant_cache import TenantCache
from consumer.logger import logger
from core.period_limits import NO_LIMITS, PERIOD_SECONDS, PeriodLimits, TakenPermits
from core.send_result import Retry
from ledger.errors import LedgerError
from ledger.permit_port import Permits
from schemas.statuses import Channel, Reason

REFUSED_SECONDS = 1.0
"""Time for which a tenant at its limit is not asked for again, in seconds."""
MAX_QUOTAS = 10_000
"""Maximum number of tenants and channels whose quota this process remembers."""
_SPREAD = 0.8
"""Share of the time of a limit over which deliveries come back, so that none of the limit stays unused."""
_AWAY = Retry(Reason.RATE_LIMITED, "limits not known", offered=False)
"""Result if MongoDB does not tell the limits of a tenant."""


class Grant(NamedTuple):
    """Permits for the first messages of a call."""

    permits: int
    later: Retry | None = None
    """Result of the messages that got no permit."""
    taken: TakenPermits | None = None
    """Permits of the ledger. None if the tenant has no limits."""
    valid_until: float = float("inf")
    """End of the minute of the permits, by the clock of this process."""


class TenantQuotas:
    """Quotas of the tenants that this process works for. A tenant waits for nothing of another one."""

    def __init__(self, tenants: TenantCache, permits: Permits, monotonic: Callable[[], float]) -> None:
        self._cache, self._permits, self._monotonic = tenants, permits, monotonic
        self._quotas: dict[tuple[str, Channel], _Quota] = {}

    async def load(self, tenant_id: str) -> None:
        """Read the limits of a tenant, unless they are known."""
        with contextlib.suppress(LedgerError):  # `take` gives no permits then
            await self._cache.load(tenant_id)

    def has_limits(self, tenant_id: str, channel: Channel) -> bool:
        """Return whether `take` may refuse a permit. The limits are those that `load` found last."""
        known = self._cache.known(tenant_id)
        return known is None or known.limits[channel] != NO_LIMITS

    async def take(self, tenant_id: str, channel: Channel, messages: int) -> Grant:
        """Take a permit for each message of a call, or for the first ones if the tenant is at a limit.

        The limits are those that `load` found last. Without limits the call does not wait.
        """
        known = self._cache.known(tenant_id)
        if known is None:
            return Grant(0, _AWAY)
        limits = known.limits[channel]
        if limits == NO_LIMITS:
            return Grant(messages)
        return await self._quota(tenant_id, channel).take(limits, messages)

    async def renew(self, tenant_id: str, channel: Channel, grant: Grant) -> Grant:
        """Return the grant, or one of this minute if its own minute is over."""
        if self._monotonic() < grant.valid_until:
            return grant
        await self.give_back(tenant_id, channel, grant, grant.permits)
        await self.load(tenant_id)
        return await self.take(tenant_id, channel, grant.permits)

    async def give_back(self, tenant_id: str, channel: Channel, grant: Grant, permits: int) -> None:
        """Give back permits of a grant of which certainly no message was sent."""
        if grant.taken is not None and permits:
            await self._quota(tenant_id, channel).give_back(grant.taken, permits)

    def _quota(self, tenant_id: str, channel: Channel) -> "_Quota":
        key = tenant_id, channel
        quota = self._quotas.pop(key, None) or _Quota(f"tenant {tenant_id} {channel}", self._permits, self._monotonic)
        self._quotas[key] = quota  # The quota that was used last comes last.
        if len(self._quotas) > MAX_QUOTAS:
            del self._quotas[next(iter(self._quotas))]
        return quota


class _Quota:
    """Quota of one tenant and channel. Calls that ask at the same time share one update of the ledger."""

    def __init__(self, key: str, permits: Permits, monotonic: Callable[[], float]) -> None:
        self._key, self._permits, self._monotonic = key, permits, monotonic
        self._asked: list[tuple[int, asyncio.Future[Grant]]] = []
        self._limits = PeriodLimits()
        self._taking: asyncio.Task[None] | None = None
        self._refused_until = self._free_at = self._booked_until = 0.0
        self._returned: dict[float, tuple[TakenPermits, int]] = {}
        self._returning = asyncio.Lock()

    async def take(self, limits: PeriodLimits, messages: int) -> Grant:
        if limits != self._limits:
            self._limits, self._refused_until, self._booked_until = limits, 0.0, 0.0
        if self._monotonic() < self._refused_until:
            return Grant(0, self._later(messages))
        answer: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        self._asked.append((messages, answer))
        if self._taking is None:
            self._taking = asyncio.create_task(self._take_all())
        return await answer

    async def give_back(self, taken: TakenPermits, permits: int) -> None:
        """Give back permits, together with those of calls that end at the same time."""
        _, before = self._returned.get(taken.valid_until, (taken, 0))
        self._returned[taken.valid_until] = taken, before + permits
        async with self._returning:
            returned, self._returned = self._returned, {}
            try:
                for each, number in returned.values():
                    await self._permits.give_back(self._key, each, number)
            except LedgerError as error:  # They count as used until their periods end.
                logger.warning("return of permits failed", limit=self._key, reason=str(error))

    async def _take_all(self) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, []
                await self._answer(asked)
        finally:
            self._taking = None

    async def _answer(self, asked: list[tuple[int, asyncio.Future[Grant]]]) -> None:
        asked_at = self._monotonic()
        try:
            taken = await self._permits.take(self._key, self._limits, sum(messages for messages, _ in asked))
        except LedgerError as error:
            logger.warning("taking of permits failed", limit=self._key, reason=str(error))
            grants = [Grant(0, _AWAY) for _ in asked]
        except Exception as error:  # noqa: BLE001  # each call has to end, also by an error of the code
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        else:
            grants = self._divide(asked, taken, asked_at)
        for (_, answer), grant in zip(asked, grants, strict=True):
            if not answer.done():  # Its caller may have been cancelled.
                answer.set_result(grant)

    def _divide(
        self, asked: list[tuple[int, asyncio.Future[Grant]]], taken: TakenPermits, asked_at: float
    ) -> list[Grant]:
        if taken.free_at is not None:
            self._free_at = asked_at + taken.free_at - taken.now
            self._refused_until = min(self._free_at, self._monotonic() + REFUSED_SECONDS)
        left, grants, valid_until = taken.permits, list[Grant](), asked_at + taken.valid_until - taken.now
        for messages, _ in asked:
            granted = min(left, messages)
            left -= granted
            later = self._later(messages - granted) if granted < messages else None
            grants.append(Grant(granted, later, taken, valid_until))
        return grants

    def _later(self, messages: int) -> Retry:
        """Return the result of messages without a permit.

        They come back at the times at which the limit can take them. Otherwise the whole backlog would be claimed and
        put back in each period.
        """
        now = self._monotonic()
        begins_at = max(self._booked_until, self._free_at, now)
        each = max(PERIOD_SECONDS[name] / limit for name, limit in self._limits._asdict().items() if limit is not None)
        self._booked_until = min(begins_at + messages * each * _SPREAD, now + MAX_DELAY_SECONDS)
        delay = self._booked_until - now
        return Retry(Reason.RATE_LIMITED, "limit of the tenant", delay_seconds=delay, offered=False)
