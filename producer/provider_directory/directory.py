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
