"""Providers as the consumers report them, and those of tenants. The producer has no settings of providers."""

import asyncio
import time
from collections.abc import Callable, Sequence

from ledger.provider_states import REPORT_SECONDS, ProviderState
from ledger.tenant_port import is_reference
from producer.errors import UnavailableError
from producer.ledger_gateway import LedgerGateway
from producer.provider_directory.known_providers import KnownProviders
from schemas.statuses import Channel
from schemas.tenant_settings import MarketingPolicy

RETRY_SECONDS = 1.0
"""Time after a question without an answer in which no other one is asked, in seconds."""


class ProviderDirectory:
    """Last known reports. MongoDB is asked once in REPORT_SECONDS at most, whatever callers ask."""

    def __init__(self, gateway: LedgerGateway, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gateway, self._monotonic = gateway, monotonic
        self.own = KnownProviders(gateway, monotonic)
        """Providers that tenants manage themselves."""
        self._states: Sequence[ProviderState] = ()
        self._read_at = self._failed_at = float("-inf")
        self._reading = asyncio.Lock()

    async def states(self, channel: Channel) -> list[ProviderState]:
        """Return the states of the installation's providers of a channel, one for each consumer.

        Raises UnavailableError.
        """
        return [state for state in await self._all_states(channel) if not is_reference(state.name)]

    async def own_problems(self, tenant_id: str, channel: Channel) -> dict[str, str | None]:
        """Return the problem of each active own provider of a channel, by its name. Raises UnavailableError.

        A consumer reports such a provider only while it fails.
        """
        own = await self.own.active(tenant_id, channel)
        problems = {state.name: state.problem for state in await self._all_states(channel)} if own else {}
        return {each.name: problems.get(each.reference) for each in own}

    async def marketing_policy(self, tenant_id: str, provider: str | None, *, has_links: bool) -> MarketingPolicy:
        """Return the rules of a tenant for a marketing e-mail. `provider` is the only one that may send it, or None.

        A rule that only a consumer can check is left out, and the consumer checks it. So are all of them without
        MongoDB, because a request must not be refused if MongoDB does not answer. `has_links` says whether the services
        make unsubscribe links.
        """
        try:
            policy = (await self.own.settings(tenant_id)).marketing
            if policy.require_opt_out and (has_links or await self._may_have_unsubscribe_uri(tenant_id, provider)):
                return policy.model_copy(update={"require_opt_out": None})
        except UnavailableError:
            return MarketingPolicy()
        return policy

    async def _may_have_unsubscribe_uri(self, tenant_id: str, name: str | None) -> bool:
        """Return whether the entry of a provider may add List-Unsubscribe. Raises UnavailableError."""
        if await self.own.active(tenant_id, Channel.EMAIL):
            return True  # their configurations are sealed
        states = [each for each in await self.states(Channel.EMAIL) if each.is_for(tenant_id)]
        named = [each for each in states if name in {None, each.name}]
        return not named or any(each.has_unsubscribe_uri is not False for each in named)

    async def _all_states(self, channel: Channel) -> list[ProviderState]:
        async with self._reading:
            now = self._monotonic()
            if now - self._failed_at < RETRY_SECONDS:
                raise UnavailableError("MongoDB did not answer in time, and this call needs it")
            if now - self._read_at >= REPORT_SECONDS:
                self._failed_at = now
                self._states = await self._gateway.query(lambda ledger: ledger.provider_states.list())
                self._read_at, self._failed_at = self._monotonic(), float("-inf")
        return [state for state in self._states if state.channel is channel]

    async def has(self, channel: Channel, name: str, tenant_id: str) -> bool | None:
        """Return whether a channel has a provider with this name for a tenant, or None if that is not known."""
        try:
            is_own = await self.own.has(tenant_id, channel, name)
            if is_own is not None:
                return is_own
            names = {state.name for state in await self.states(channel) if state.is_for(tenant_id)}
        except UnavailableError:
            return None
        return name in names if self._states else None
