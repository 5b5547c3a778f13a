"""Reports of the consumer about its providers: one that fails does not end the others."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from consumer.sweep.provider_reports import report_providers
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.memory.provider_state_store import MemoryProviderStates
from ledger.provider_states import ProviderState
from tests.flow.world import World


@pytest.mark.parametrize("error", [LedgerUnavailable("away"), LedgerRefused("no right"), TypeError("a fault")])
async def test_a_report_follows_one_that_failed(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    world, report, errors, sleeps = World(), MemoryProviderStates.report, [error], iter(range(2))

    async def fail_once(store: MemoryProviderStates, process_name: str, states: Sequence[ProviderState]) -> None:
        if errors:
            raise errors.pop()
        await report(store, process_name, states)

    async def stop_after_two(_: float) -> None:
        if next(sleeps):
            raise asyncio.CancelledError

    monkeypatch.setattr(MemoryProviderStates, "report", fail_once)
    with pytest.raises(asyncio.CancelledError):
        await report_providers(replace(world.context(), sleep=stop_after_two))
    assert {state.name for state in await world.ledger.provider_states.list()} == {one.name for one in world.providers}
