"""Providers that the tenant of a world manages itself, and changes while its requests are sent."""

import json
import random
from typing import TYPE_CHECKING

from ledger.provider_configs import seal_config
from ledger.tenant_port import StoredProvider, StoredTenant
from schemas.statuses import Channel
from schemas.tenant_settings import TenantSettings
from tests.simulate.environment.provider import MOODS, NICE, Side
from tests.simulate.scenario import TENANT, moment
from tests.simulate.stage import LEASE_SECONDS

if TYPE_CHECKING:
    from tests.simulate.actors.fleet import Fleet

SHARE = 0.2
"""Share of the worlds whose tenant has providers of its own."""
GATEWAYS = 4


class OwnEntries:
    """Entries of the tenant. Numbers of its own, so that all other worlds stay what they were."""

    def __init__(self, world: "Fleet", *, may_have_some: bool) -> None:
        self._world, self._rng = world, random.Random(f"own providers of {world.seed}")
        self.exist = self._rng.random() < SHARE and may_have_some
        self.always = self._rng.random() < 0.5
        """True if at least one entry is active at any time. Then no provider of the installation may be asked."""
        self._entries: list[StoredProvider] = []
        self._number = 0
        if self.exist:
            self._build_gateways()
            self._add()

    def start(self) -> None:
        """Let the tenant change its entries now and then."""
        for _ in range(self._rng.randint(1, 8)):
            self._world.later(self._rng.uniform(0, 20), self._change)

    def _build_gateways(self) -> None:
        world, rng = self._world, self._rng
        mood, deduplicates = rng.choice(MOODS), rng.random() < 0.6
        batch_size = rng.choice((1, 1, 3))
        for number in range(GATEWAYS):
            world.own_sides[f"own{number}"] = Side(
                f"own{number}",
                Channel.SMS,
                deduplicates,
                None,
                LEASE_SECONDS / 2,
                rng,
                rng.choice((mood, NICE)),
                world.later,
                clock=world.loop.time,
                batch_size=batch_size,
            )

    def _add(self) -> None:
        """Add an entry. One that takes the name of a deleted one has another id."""
        taken = {each.name for each in self._entries}
        self._number += 1
        name, priority = next(name for name in "abcdefgh" if name not in taken), self._rng.randint(1, 3)
        number = f"prv_{self._number}"
        entry = StoredProvider(number, name, Channel.SMS, priority, True, 1, b"", moment(0), moment(0))
        self._entries.append(self._configured(entry))
        self._store()

    def _configured(self, entry: StoredProvider) -> StoredProvider:
        """Return the entry with a gateway. Its configuration has the reference, so that calls can be compared."""
        gateway = self._rng.choice([*self._world.own_sides])
        config = {"kind": "http", "url": "https://gateway.example/", "sender": f"{gateway} {entry.reference}"}
        return entry._replace(sealed=seal_config(json.dumps(config), TENANT, entry.id, self._world.sealer_of_entries))

    def _change(self) -> None:
        at = self._rng.randrange(len(self._entries)) if self._entries else None
        kind = self._rng.choice(("add", "configure", "configure", "switch", "delete"))
        if kind == "add" or at is None:
            if len(self._entries) < 3:
                self._add()
            return
        entry = self._entries[at]
        rest = [*self._entries[:at], *self._entries[at + 1 :]]
        if kind == "configure":
            changed = [*rest, self._configured(entry._replace(version=entry.version + 1))]
        else:
            changed = rest if kind == "delete" else [*rest, entry._replace(is_active=not entry.is_active)]
        if self.always and not any(each.is_active for each in changed):
            return
        self._entries = changed
        self._world.note(f"{kind} {entry.reference}")
        self._store()

    def _store(self) -> None:
        tenants = self._world.books.store.tenants
        before = tenants.get(TENANT, StoredTenant(TenantSettings(), 0))
        tenants[TENANT] = before._replace(version=before.version + 1, providers=tuple(self._entries))
