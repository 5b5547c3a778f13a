"""Built providers of tenants: their number, their owners, and those that cannot be opened."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.flow_control.shared_limits import SharedLimits
from consumer.tenants import tenant_providers
from consumer.tenants.tenant_providers import TenantProviders
from ledger.provider_configs import seal_config
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider
from providers.entries import ProviderEntry
from schemas.statuses import Channel

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SEALER, OTHER = Sealer([("k1", bytes(32))]), Sealer([("k2", bytes([2] * 32))])
CONFIG = '{"kind": "http", "url": "https://secret.example/", "bearer_token": "swordfish"}'


@dataclass
class Built:
    entry: ProviderEntry
    channel = Channel.SMS
    deduplicates = needs_vendor_template = False
    batch_size = 1
    is_stopped = is_closed = False

    @property
    def timeout_seconds(self) -> float:
        return self.entry.timeout_seconds

    def stop(self, within_seconds: float) -> None:
        assert within_seconds == self.timeout_seconds
        self.is_stopped = True

    async def aclose(self) -> None:
        self.is_closed = True


def a_registry(built: list[Built], **more: Any) -> TenantProviders:
    def build(entry: ProviderEntry) -> Any:
        built.append(Built(entry))
        return built[-1]

    limits: Any = SharedLimits({}, None, lambda: 0.0, None)  # type: ignore[arg-type]
    return TenantProviders(SEALER, build, limits, lambda: 0.0, **more)


def stored(tenant_id: str = "t1", name: str = "mine", config: str = CONFIG, sealer: Sealer = SEALER) -> StoredProvider:
    sealed = seal_config(config, tenant_id, f"prv_{name}", sealer)
    return StoredProvider(f"prv_{name}", name, Channel.SMS, 1, True, 1, sealed, NOW, NOW)


async def test_the_one_that_was_used_longest_ago_is_closed_if_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tenant_providers, "MAX_BUILT", 2)
    built: list[Built] = []
    registry = a_registry(built)
    first, second, third = (stored(name=name) for name in ("a", "b", "c"))
    for each in (first, second, first, third):
        registry.get("t1", each)
    await registry.close_retired()
    assert [each.is_closed for each in built] == [False, True, False]
    assert registry.references() == {first.reference, third.reference}


def test_a_provider_is_of_one_tenant_also_if_another_one_had_the_same_reference() -> None:
    built: list[Built] = []
    registry = a_registry(built)
    one, other = registry.get("t1", stored("t1")), registry.get("t2", stored("t2"))
    assert one is not other
    assert registry.get("t1", stored("t1")) is one
    assert len(built) == 2


def test_a_send_takes_no_longer_than_half_of_a_lease() -> None:
    built: list[Built] = []
    provider = a_registry(built, longest_send_seconds=3.0).get("t1", stored())
    assert provider is not None
    assert provider.timeout_seconds == built[0].timeout_seconds == 3.0


@pytest.mark.parametrize(
    "unusable", [stored(sealer=OTHER), stored(config='{"kind": "swordfish"}'), stored(config="swordfish")]
)
def test_one_that_cannot_be_opened_is_logged_once_without_its_configuration_and_tried_again_when_it_is_sealed_anew(
    unusable: StoredProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = a_registry([])
    for _ in range(3):
        assert registry.get("t1", unusable) is None
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert unusable.reference in lines[0]
    assert "swordfish" not in lines[0]
    assert registry.get("t1", stored()) is not None
