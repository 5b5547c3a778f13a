"""Content of an unsubscribe link, and the tenant that it belongs to."""

import math
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from ledger.errors import LedgerRefused, SealingError
from ledger.sealing import Sealer
from ledger.tenant_key import open_tenant_key
from ledger.tenant_port import StoredTenantKey
from ledger.unsubscribe_links import Link, LinkKey, read_token
from producer.auth.rate_limit import RateLimit
from producer.clock import ClockAndRandom
from producer.errors import TooManyCallsError, UnavailableError
from producer.ledger_gateway import LedgerGateway

MAX_TENANTS = 1_000
"""Maximum number of tenants whose key is remembered."""
MAX_AGE_SECONDS = 300.0
"""Time for which the key of a tenant is remembered, in seconds. It never changes, but the tenant may go."""
LOOK_UPS_PER_SECOND = 50
"""Rate at which keys that are not remembered are looked up. Anybody can make up the id of one."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KnownKey:
    """Key of a tenant as it was looked up."""

    tenant_id: str
    stored: StoredTenantKey
    links: LinkKey
    read_at: float


@dataclass(frozen=True, slots=True)
class FoundLink:
    """Valid link, and the key of its tenant."""

    tenant_id: str
    key: StoredTenantKey
    content: Link


class LinkFinder:
    """Opens tokens. It remembers the keys of the last tenants, so that most links cost no query."""

    def __init__(self, gateway: LedgerGateway, sealer: Sealer, clock: ClockAndRandom, days: int) -> None:
        self._gateway, self._sealer, self._clock, self._days = gateway, sealer, clock, days
        self._keys: OrderedDict[str, KnownKey] = OrderedDict()
        self._look_ups = RateLimit(LOOK_UPS_PER_SECOND, burst_seconds=1)

    async def find(self, token: str) -> FoundLink | None:
        """Return the link of a token, or None if it was changed or has expired.

        Raises UnavailableError, TooManyCallsError.
        """
        parts = read_token(token)
        key = await self._key(parts[0]) if parts else None
        link = key.links.open(token) if key else None
        if key is None or link is None or not link.is_valid(self._clock.now(), self._days):
            return None
        return FoundLink(key.tenant_id, key.stored, link)

    async def _key(self, key_id: str) -> KnownKey | None:
        known, now = self._keys.get(key_id), self._clock.monotonic()
        if known is not None and now - known.read_at < MAX_AGE_SECONDS:
            return known
        if known is None:  # One that was found before is looked up again, however many others are made up.
            if seconds := self._look_ups.seconds_until_next("all", now):
                raise TooManyCallsError("too many links at once", math.ceil(seconds))
            self._look_ups.count("all", now)
        try:
            found = await self._gateway.query(lambda ledger: ledger.tenants.find_by_key(key_id))
            if found is None:
                self._keys.pop(key_id, None)
                return None
            tenant_id, stored = found
            links = LinkKey(open_tenant_key(stored, tenant_id, self._sealer))
        except (LedgerRefused, SealingError) as error:
            _log.warning("key of a tenant not opened", reason=str(error))
            raise UnavailableError("the key of the tenant cannot be opened") from None
        self._keys[key_id] = key = KnownKey(tenant_id, stored, links, now)
        self._keys.move_to_end(key_id)
        if len(self._keys) > MAX_TENANTS:
            self._keys.popitem(last=False)
        return key
