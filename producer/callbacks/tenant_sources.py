"""Keys for receipts of the providers that tenants manage themselves, as they were some seconds ago."""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ledger.errors import LedgerRefused, SealingError
from ledger.provider_configs import open_config
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider
from producer.auth.rate_limit import RateLimit
from producer.callbacks.sources import ReceiptSource, build_source
from producer.errors import UnavailableError
from producer.ledger_gateway import LedgerGateway
from providers.tenant_entries import parse_tenant_entry, receipts_of

MAX_AGE_SECONDS = 5.0
"""Maximum age of what is known of a provider, in seconds. So long an old key counts after a change."""
MAX_SOURCES = 2_000
"""Maximum number of providers that are remembered."""
MAX_UNKNOWN = 10_000
"""Maximum number of ids without a provider that are remembered. They displace no provider."""
LOOK_UPS_PER_SECOND = 50
"""Rate at which ids that are not remembered are looked up. Anybody can make up such an id."""
_ID = re.compile(r"prv_[0-9a-hjkmnp-tv-z]{16}")

Value = TypeVar("Value")


class _Known(NamedTuple):
    """Result of one reading. A built source is kept while what is stored stays the same."""

    read_at: float
    sealed: bytes
    source: ReceiptSource | None


class TenantSources:
    """Sources of the providers of tenants. The ledger is read once in some seconds for each id."""

    def __init__(
        self,
        gateway: LedgerGateway,
        sealer: Sealer,
        monotonic: Callable[[], float],
        *,
        max_sources: int = MAX_SOURCES,
        max_unknown: int = MAX_UNKNOWN,
    ) -> None:
        self._gateway, self._sealer, self._monotonic = gateway, sealer, monotonic
        self._max_sources, self._max_unknown = max_sources, max_unknown
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        """Time of the reading by id, the oldest one first."""
        self._look_ups = RateLimit(LOOK_UPS_PER_SECOND, burst_seconds=1)

    async def find(self, provider_id: str) -> ReceiptSource | None:
        """Return the source, or None if no tenant has such a provider with keys for receipts.

        Raises UnavailableError.
        """
        if not _ID.fullmatch(provider_id):
            return None
        now = self._monotonic()
        known = self._known.get(provider_id)
        if known and now - known.read_at < MAX_AGE_SECONDS:
            return known.source
        if now - self._unknown.get(provider_id, float("-inf")) < MAX_AGE_SECONDS:
            return None
        if known is None:  # One that was found before is read again, however many others are made up.
            if self._look_ups.seconds_until_next("all", now):
                raise UnavailableError("too many providers are not known yet")
            self._look_ups.count("all", now)
        try:
            found = await self._gateway.query(lambda ledger: ledger.tenants.find_provider(provider_id))
        except LedgerRefused:
            raise _unreadable() from None
        if found is None:
            self._known.pop(provider_id, None)
            _remember(self._unknown, provider_id, now, self._max_unknown)
            return None
        tenant_id, stored = found
        same = known is not None and known.sealed == stored.sealed
        source = known.source if known and same else self._open(tenant_id, stored)
        _remember(self._known, provider_id, _Known(now, stored.sealed, source), self._max_sources)
        return source

    def _open(self, tenant_id: str, stored: StoredProvider) -> ReceiptSource | None:
        try:
            config = open_config(stored, tenant_id, self._sealer)
            entry = parse_tenant_entry(stored.name, stored.channel, stored.priority, config)
        except (SealingError, ValueError):
            raise _unreadable() from None
        receipts = receipts_of(entry)
        return build_source(stored.id, [receipts], tenant_id) if receipts else None


def _unreadable() -> UnavailableError:
    return UnavailableError("the keys of this provider cannot be read")


def _remember(values: OrderedDict[str, Value], key: str, value: Value, most: int) -> None:
    values[key] = value
    values.move_to_end(key)
    if len(values) > most:
        values.popitem(last=False)
