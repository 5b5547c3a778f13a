"""Providers that tenants manage themselves, as this process has built them."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from consumer.flow_control.shared_limits import SharedLimits
from consumer.flow_control.shared_rate import RateCap
from consumer.flow_control.tenant_cache import TenantCache
from consumer.logger import logger
from consumer.tenants.tenant_provider import TenantProvider
from ledger.errors import SealingError
from ledger.provider_configs import open_config
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider
from providers.entries import ProviderEntry
from providers.mail_entry import has_unsubscribe_uri
from providers.provider import Provider
from providers.tenant_entries import MAX_TIMEOUT_SECONDS, parse_tenant_entry

MAX_BUILT = 1_000
"""Maximum number of own providers that are built at the same time. The one that was used longest ago goes first."""
IDLE_SECONDS = 600.0
"""Time without use after which an own provider is closed, in seconds."""
BUSY_SECONDS = 60.0
"""Time after its last use in which deliveries may still wait for an own provider, in seconds."""
CLOSE_SECONDS = 1.0
"""Maximum time for closing the connections of a provider, in seconds."""

BuildProvider = Callable[[ProviderEntry], Provider]


@dataclass(slots=True)
class _Built:
    provider: TenantProvider | None
    """None if the configuration cannot be opened, or is not valid in this version."""
    sealed: bytes
    used_at: float


class TenantProviders:
    """Own providers of tenants. Each is built at its first use, and closed when it is changed, deleted or idle."""

    def __init__(
        self,
        sealer: Sealer,
        build: BuildProvider,
        limits: SharedLimits,
        monotonic: Callable[[], float],
        *,
        longest_send_seconds: float = MAX_TIMEOUT_SECONDS,
    ) -> None:
        self._sealer, self._build, self._limits, self._monotonic = sealer, build, limits, monotonic
        self._longest_send = longest_send_seconds
        self._built: dict[tuple[str, str], _Built] = {}
        self._retired: list[TenantProvider] = []
        self._stopped_within: float | None = None

    def wrap_built(self, wrap: Callable[[Provider], Provider]) -> None:
        """Wrap each provider that is built from now on. Only a process with a failpoint does this."""
        build = self._build
        self._build = lambda entry: wrap(build(entry))

    def get(self, tenant_id: str, stored: StoredProvider) -> TenantProvider | None:
        """Return an own provider of a tenant, or None if this process cannot use it."""
        key = tenant_id, stored.reference
        built = self._built.pop(key, None)
        if built is None or (built.provider is None and built.sealed != stored.sealed):
            built = _Built(self._open(tenant_id, stored), stored.sealed, 0.0)
        built.used_at = self._monotonic()
        self._built[key] = built  # The one that was used last comes last.
        if len(self._built) > MAX_BUILT:
            self._retire_oldest()
        return built.provider

    def each(self) -> Iterator[tuple[str, TenantProvider]]:
        """Yield the providers that can be used, each with its tenant."""
        for (tenant_id, _), built in self._built.items():
            if built.provider is not None:
                yield tenant_id, built.provider

    def references(self) -> set[str]:
        """Return the references of all providers that are not closed yet."""
        return {provider.name for _, provider in self.each()} | {provider.name for provider in self._retired}

    def tenants_at_work(self) -> set[str]:
        """Return the tenants whose deliveries may be with an own provider, or wait for it."""
        now = self._monotonic()
        return {
            tenant_id
            for (tenant_id, _), built in self._built.items()
            if now - built.used_at < BUSY_SECONDS or (built.provider and built.provider.calls)
        }

    def retire_unused(self, tenants: TenantCache) -> None:
        """Begin no more sends of providers that are changed, deleted, not active any more, or idle.

        Their deliveries that were not sent come back at once, and find the providers of now.
        """
        for key in list(self._built):
            known = tenants.known(key[0])
            is_gone = known is not None and known.providers is not None and not _has(known.providers, key[1])
            built = self._built[key]
            is_idle = self._monotonic() - built.used_at >= IDLE_SECONDS and not (
                built.provider and built.provider.calls
            )
            if is_gone or is_idle:
                self._retire(key)

    async def close_retired(self) -> None:
        """Close retired providers whose last call has ended."""
        ended = [provider for provider in self._retired if not provider.calls]
        await asyncio.gather(*map(_close, ended))
        self._retired = [provider for provider in self._retired if provider not in ended]

    def stop(self, within_seconds: float) -> None:
        """Stop all providers, because the process stops. See `Provider.stop`."""
        self._stopped_within = within_seconds
        for provider in (*(provider for _, provider in self.each()), *self._retired):
            provider.stop(within_seconds)

    async def aclose(self) -> None:
        """Close all providers."""
        await asyncio.gather(*(_close(each) for each in (*(each for _, each in self.each()), *self._retired)))

    def _retire_oldest(self) -> None:
        """Retire the provider that was used longest ago, of those without a call in flight."""
        idle = (key for key, built in self._built.items() if not (built.provider and built.provider.calls))
        if oldest := next(idle, None):
            self._retire(oldest)

    def _retire(self, key: tuple[str, str]) -> None:
        provider = self._built.pop(key).provider
        if provider is not None:
            provider.stop(provider.timeout_seconds)  # A call that was begun has all of its time.
            self._retired.append(provider)

    def _open(self, tenant_id: str, stored: StoredProvider) -> TenantProvider | None:
        """Build a provider. Nothing of its configuration is in the log."""
        try:
            config = open_config(stored, tenant_id, self._sealer)
            entry = parse_tenant_entry(stored.name, stored.channel, stored.priority, config)
            cap = _cap_of(entry)
            seconds = min(entry.timeout_seconds, self._longest_send)
            provider = TenantProvider(
                stored.reference,
                self._build(entry.model_copy(update={"timeout_seconds": seconds})),
                has_unsubscribe_uri=has_unsubscribe_uri(entry),
            )
        except SealingError as error:
            logger.warning("provider of a tenant not opened", provider=stored.reference, reason=str(error))
            return None
        except Exception as error:  # noqa: BLE001  # an entry of another version must not end the deliveries of others
            kind = type(error).__name__
            logger.warning("provider of a tenant not used", provider=stored.reference, reason=f"not valid: {kind}")
            return None
        if cap is not None:
            self._limits.add(stored.reference, cap, f"{stored.name}@{stored.id}")
        if self._stopped_within is not None:
            provider.stop(self._stopped_within)
        return provider


def _has(providers: Collection[StoredProvider], reference: str) -> bool:
    return any(each.reference == reference for each in providers)


def _cap_of(entry: ProviderEntry) -> RateCap | None:
    """Return the rate of an entry in all processes."""
    rates = [rate for rate in (entry.rate_per_second, entry.max_per_second) if rate is not None]
    counts_segments = entry.rate_unit == "segment" and entry.max_per_second is not None
    return RateCap(min(rates), counts_segments=counts_segments) if rates else None


async def _close(provider: TenantProvider) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await provider.aclose()
