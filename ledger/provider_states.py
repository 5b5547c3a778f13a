"""State of the providers as the consumers report it, for services that call no provider themselves."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from schemas.statuses import Channel

REPORT_SECONDS = 5.0
"""Time between two reports of a consumer, in seconds."""
FORGET_AFTER = timedelta(seconds=60)
"""Age at which the last report of a consumer does not count any more."""


class ProviderState(NamedTuple):
    """Provider of one consumer."""

    name: str
    channel: Channel
    problem: str | None = None
    """Last failure in fixed words and codes, or None if the provider works as far as this consumer knows."""
    tenants: tuple[str, ...] | None = None
    """Tenants that alone may use the provider. None: all."""

    has_unsubscribe_uri: bool | None = None
    """True if the entry has a URI for List-Unsubscribe. None: an older consumer does not say."""

    def is_for(self, tenant_id: str) -> bool:
        """Return whether a tenant may use the provider."""
        return self.tenants is None or tenant_id in self.tenants


class ProviderStates(Protocol):
    """Last report of each consumer."""

    async def report(self, process_name: str, states: Sequence[ProviderState]) -> None:
        """Replace the report of a consumer."""

    async def list(self) -> list[ProviderState]:
        """Return the states of all reports that count, in the order of the consumers' names."""
