"""Changes of a tenant's own providers, within the bounds of the operator. Nothing here does I/O."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.errors import SealingError
from ledger.provider_configs import open_config, seal_config
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider
from producer.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError, UnavailableError
from producer.tenant_providers.bodies import parse_config
from providers.entries import ProviderEntry
from providers.network import Network, inside_problem
from providers.tenant_configs import read_config
from providers.tenant_entries import DEFAULT_CONCURRENCY, connections_of, host_of, parse_tenant_entry
from schemas.provider_configs import DEFAULT_PRIORITY, CreateProviderConfigRequest, UpdateProviderConfigRequest
from schemas.statuses import Channel

NO_PROVIDER = "provider not found"

Providers = tuple[StoredProvider, ...]


@dataclass(frozen=True, slots=True)
class ProviderEditor:
    """Makes the new list of the providers of one tenant."""

    tenant_id: str
    sealer: Sealer
    max_providers: int
    max_connections: int
    network: Network

    def create(
        self, providers: Providers, provider_id: str, body: CreateProviderConfigRequest, now: datetime
    ) -> Providers:
        """Return the providers and a new one as the last. Raises ApiError."""
        priority = DEFAULT_PRIORITY if body.priority is None else body.priority
        entry = self._parse(body.provider, body.channel, priority, body.config)
        if any((each.channel, each.name) == (body.channel, body.provider) for each in providers):
            raise ConflictError(f"provider: there is a provider of {body.channel.value} with this name already")
        if len(providers) >= self.max_providers:
            raise ForbiddenError(f"a tenant may have at most {self.max_providers:,} providers of its own")
        self._check_connections(entry, 0, providers)
        sealed = seal_config(body.config, self.tenant_id, provider_id, self.sealer)
        created = StoredProvider(
            provider_id, body.provider, body.channel, priority, True, 1, sealed, created_at=now, updated_at=now
        )
        return (*providers, created)

    def update(
        self, providers: Providers, provider_id: str, body: UpdateProviderConfigRequest, now: datetime
    ) -> Providers:
        """Return the providers with a changed one. A configuration that stays the same keeps its version."""
        stored = find_provider(providers, provider_id)
        others = [each for each in providers if each is not stored]
        changed = stored._replace(
            priority=stored.priority if body.priority is None else body.priority,
            is_active=stored.is_active if body.is_active is None else body.is_active,
        )
        if body.config is not None:
            changed = self._with_config(changed, body.config, others)
        if changed == stored:
            return providers
        return tuple(changed._replace(updated_at=now) if each is stored else each for each in providers)

    def delete(self, providers: Providers, provider_id: str) -> Providers:
        """Return the providers without this one. Raises NotFoundError."""
        stored = find_provider(providers, provider_id)
        return tuple(each for each in providers if each is not stored)

    def _with_config(self, stored: StoredProvider, config: str, others: Sequence[StoredProvider]) -> StoredProvider:
        entry = self._parse(stored.name, stored.channel, stored.priority, config)
        try:
            before = open_config(stored, self.tenant_id, self.sealer)
        except SealingError:
            before = None
        if before is not None and _is_same(before, config):
            return stored
        self._check_connections(entry, _connections(stored, before) if before else 0, others)
        sealed = seal_config(config, self.tenant_id, stored.id, self.sealer)
        return stored._replace(sealed=sealed, version=stored.version + 1)

    def _parse(self, name: str, channel: Channel, priority: int, config: str) -> ProviderEntry:
        """Return the entry of a configuration. Raise BadRequestError, also for an address of the inside."""
        entry = parse_config(name, channel, priority, config)
        field, host = host_of(entry)
        if problem := inside_problem(host, self.network):
            raise BadRequestError(f"config.{field}: {problem}")
        return entry

    def _check_connections(self, entry: ProviderEntry, before: int, others: Sequence[StoredProvider]) -> None:
        """Raise ForbiddenError if a provider would get more connections than the tenant has left."""
        wanted = connections_of(entry)
        if wanted <= before:  # the operator may have lowered the bound
            return
        total = wanted + sum(_connections(each, self._open(each)) for each in others)
        if total > self.max_connections:
            raise ForbiddenError(
                f"all own providers of a tenant may have at most {self.max_connections:,} connections, and these would "
                f"be {total:,}. Give `concurrency` (smtp: `connections`) in each configuration."
            )

    def _open(self, stored: StoredProvider) -> str:
        try:
            return open_config(stored, self.tenant_id, self.sealer)
        except SealingError:
            raise UnavailableError(
                f"the configuration of {stored.name} cannot be opened, so connections cannot be counted. Delete that "
                "provider, or ask the operator for its sealing key."
            ) from None


def find_provider(providers: Sequence[StoredProvider], provider_id: str) -> StoredProvider:
    """Return the provider with an id. Raises NotFoundError, also for that of another tenant."""
    for provider in providers:
        if provider.id == provider_id:
            return provider
    raise NotFoundError(NO_PROVIDER)


def _connections(stored: StoredProvider, config: str) -> int:
    try:
        return connections_of(parse_tenant_entry(stored.name, stored.channel, stored.priority, config))
    except ValueError:  # another version accepted it
        return DEFAULT_CONCURRENCY


def _is_same(one: str, other: str) -> bool:
    try:
        return json.dumps(read_config(one), sort_keys=True) == json.dumps(read_config(other), sort_keys=True)
    except ValueError:
        return False
