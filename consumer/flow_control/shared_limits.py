"""Limits that count across all processes."""

from collections.abc import Callable, Collection, Mapping, Sequence

from consumer.flow_control.rate_limit import Sleep
from consumer.flow_control.shared_rate import RateCap, SharedRate
from core.send_result import Retry
from ledger.permit_port import Permits
from ledger.tenant_port import is_reference
from providers.draft import Draft
from schemas.statuses import Lane, Reason


class SharedLimits:
    """Limits of the providers, by name. A provider without a cap has none."""

    def __init__(
        self, caps: Mapping[str, RateCap], permits: Permits, monotonic: Callable[[], float], sleep: Sleep
    ) -> None:
        self._permits, self._monotonic, self._sleep = permits, monotonic, sleep
        self._caps: dict[str, RateCap] = {}
        self._rates: dict[str, SharedRate] = {}
        self._closed = False
        for name, cap in caps.items():
            self.add(name, cap, name)

    def add(self, provider: str, cap: RateCap, key: str) -> None:
        """Add the cap of a provider. Providers with the same key share one rate."""
        rate = SharedRate(f"provider {key}", cap.per_second, self._permits, self._monotonic, self._sleep)
        self._caps[provider], self._rates[provider] = cap, rate
        if self._closed:
            rate.close()

    def keep_own(self, references: Collection[str]) -> None:
        """Forget the providers of tenants that are not in use any more."""
        for name in [name for name in self._caps if is_reference(name) and name not in references]:
            del self._caps[name]
            self._rates.pop(name).close()

    def close(self) -> None:
        """End all waits, because the process stops."""
        self._closed = True
        for rate in self._rates.values():
            rate.close()

    def cap(self, provider: str) -> RateCap | None:
        """Return the cap of a provider."""
        return self._caps.get(provider)

    def permits_needed(self, provider: str, drafts: Sequence[Draft]) -> int:
        """Return the number of permits that a call with these messages needs."""
        cap = self.cap(provider)
        return sum(draft.count_segments() for draft in drafts) if cap and cap.counts_segments else len(drafts)

    def put_back(self, provider: str, lane: Lane, permits: int) -> Retry | None:
        """Return the result of deliveries that would wait too long in this process, or None if they may wait."""
        rate = self._rates.get(provider)
        seconds = rate.book(lane, permits) if rate else None
        if seconds is None:
            return None
        return Retry(Reason.RATE_LIMITED, "rate of the provider", delay_seconds=seconds, offered=False)

    async def wait_for_rate(self, provider: str, lane: Lane, permits: int) -> bool:
        """Wait for the rate of a provider. Return False if the process stops. Then no call may be made."""
        rate = self._rates.get(provider)
        return rate is None or await rate.acquire(lane, permits)
