"""Reports of the consumers about their providers in memory."""

from collections.abc import Sequence
from datetime import datetime

from typing_extensions import override

from ledger.memory.store import Store
from ledger.provider_states import FORGET_AFTER, ProviderState, ProviderStates


class MemoryProviderStates(ProviderStates):
    """Last reports in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reports: dict[str, tuple[datetime, tuple[ProviderState, ...]]] = {}

    @override
    async def report(self, process_name: str, states: Sequence[ProviderState]) -> None:
        self._reports[process_name] = self._store.clock(), tuple(states)

    @override
    async def list(self) -> list[ProviderState]:
        oldest = self._store.clock() - FORGET_AFTER
        return [state for _, (at, states) in sorted(self._reports.items()) if at > oldest for state in states]
