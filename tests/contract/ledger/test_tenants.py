"""Settings and providers of tenants. A change counts only if nothing changed since they were read."""

import asyncio
from datetime import UTC, datetime

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from ledger.errors import LedgerRefused
from ledger.mongo import MongoLedger
from ledger.ports import Ledger
from ledger.tenant_port import StoredProvider, StoredTenant, StoredTenantKey
from schemas.statuses import Channel
from schemas.tenant_settings import (
    ChannelLimits,
    MarketingPolicy,
    RecipientCaps,
    RequiredConsent,
    SendWindows,
    TenantCaps,
    TenantLimits,
    TenantSettings,
)

SETTINGS = TenantSettings(
    limits=TenantLimits(
        sms=ChannelLimits(max_per_min=10, max_per_hour=100, max_per_day=1_000), email=ChannelLimits(max_per_day=5)
    ),
    marketing=MarketingPolicy(require_opt_out=True, postal_address="Example Ltd, 1 Main St"),
    send_window=SendWindows(transactional="07:00-22:00", marketing="09:00-20:00"),
    default_timezone="Europe/Berlin",
    consent_required=RequiredConsent(marketing=True, transactional=False),
    caps=TenantCaps(marketing=RecipientCaps(per_day=1, per_week=3)),
)
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
KEY = StoredTenantKey("8xk2", b"\0sealed", AT)
OWN = StoredProvider("prv_1", "acme", Channel.SMS, 5, True, 1, b"sealed", AT, AT)


async def test_a_tenant_without_settings_has_the_defaults(ledger: Ledger) -> None:
    assert await ledger.tenants.get("tnt_a") == StoredTenant(TenantSettings(), 0)


async def test_settings_are_read_back(ledger: Ledger) -> None:
    assert await ledger.tenants.put("tnt_a", SETTINGS, 0)

    assert await ledger.tenants.get("tnt_a") == StoredTenant(SETTINGS, 1)
    assert await ledger.tenants.get("tnt_b") == StoredTenant(TenantSettings(), 0)


async def test_a_change_of_an_older_version_is_refused(ledger: Ledger) -> None:
    await ledger.tenants.put("tnt_a", SETTINGS, 0)
    assert await ledger.tenants.put("tnt_a", TenantSettings(), 1)

    assert not await ledger.tenants.put("tnt_a", SETTINGS, 1)
    assert not await ledger.tenants.put("tnt_a", SETTINGS, 0)
    assert await ledger.tenants.get("tnt_a") == StoredTenant(TenantSettings(), 2)


@pytest.mark.parametrize("stored", [0, 1])
async def test_of_many_changes_at_once_one_counts(ledger: Ledger, stored: int) -> None:
    for version in range(stored):
        await ledger.tenants.put("tnt_a", TenantSettings(), version)

    answers = await asyncio.gather(*(ledger.tenants.put("tnt_a", SETTINGS, stored) for _ in range(10)))
    assert sorted(answers) == [False] * 9 + [True]
    assert await ledger.tenants.get("tnt_a") == StoredTenant(SETTINGS, stored + 1)


async def test_settings_and_providers_do_not_change_each_other(ledger: Ledger) -> None:
    other = OWN._replace(id="prv_2", channel=Channel.EMAIL, is_active=False, sealed=b"\0\xff", version=3)

    assert await ledger.tenants.put_providers("tnt_a", (OWN, other), 0)
    assert await ledger.tenants.put("tnt_a", SETTINGS, 1)
    assert not await ledger.tenants.put_providers("tnt_a", (), 1)

    assert await ledger.tenants.get("tnt_a") == StoredTenant(SETTINGS, 2, (OWN, other))
    assert await ledger.tenants.put_providers("tnt_a", (), 2)
    assert await ledger.tenants.get("tnt_a") == StoredTenant(SETTINGS, 3)


async def test_a_key_stays_beside_settings_and_providers(ledger: Ledger) -> None:
    assert await ledger.tenants.put_key("tnt_a", KEY, 0)
    assert await ledger.tenants.put("tnt_a", SETTINGS, 1)
    assert await ledger.tenants.put_providers("tnt_a", (OWN,), 2)
    assert not await ledger.tenants.put_key("tnt_a", KEY._replace(id="other"), 2)

    assert await ledger.tenants.get("tnt_a") == StoredTenant(SETTINGS, 3, (OWN,), KEY)


async def test_a_tenant_with_a_key_alone_is_listed(ledger: Ledger) -> None:
    await ledger.tenants.put_key("tnt_a", KEY, 0)

    assert await ledger.tenants.list_with_sealed() == [("tnt_a", StoredTenant(TenantSettings(), 1, (), KEY))]


async def test_a_tenant_is_found_by_the_id_of_its_key(ledger: Ledger) -> None:
    await ledger.tenants.put("tnt_0", SETTINGS, 0)
    for number in range(3):
        await ledger.tenants.put_key(f"tnt_a{number}", KEY._replace(id=f"8xk{number}"), 0)

    assert await ledger.tenants.find_by_key("8xk1") == ("tnt_a1", KEY._replace(id="8xk1"))
    assert await ledger.tenants.find_by_key("8xk3") is None


async def test_tenants_with_providers_are_listed_in_pages(ledger: Ledger) -> None:
    for number in (3, 1, 2):
        await ledger.tenants.put_providers(f"tnt_{number}", (OWN,), 0)
    await ledger.tenants.put("tnt_0", SETTINGS, 0)
    await ledger.tenants.put_providers("tnt_4", (), 0)

    first = await ledger.tenants.list_with_sealed(limit=2)
    rest = await ledger.tenants.list_with_sealed(first[-1][0])
    assert [tenant_id for tenant_id, _ in (*first, *rest)] == ["tnt_1", "tnt_2", "tnt_3"]
    assert {stored.providers for _, stored in first} == {(OWN,)}


async def test_the_tenant_of_a_provider_is_found_by_the_id_of_the_provider(ledger: Ledger) -> None:
    second = OWN._replace(id="prv_2", name="second", is_active=False)
    await ledger.tenants.put_providers("tnt_a", (OWN, second), 0)
    await ledger.tenants.put_providers("tnt_b", (OWN._replace(id="prv_3"),), 0)

    assert await ledger.tenants.find_provider("prv_2") == ("tnt_a", second)
    assert await ledger.tenants.find_provider("prv_3") == ("tnt_b", OWN._replace(id="prv_3"))
    assert await ledger.tenants.find_provider("prv_4") is None

    await ledger.tenants.put_providers("tnt_a", (OWN,), 1)
    assert await ledger.tenants.find_provider("prv_2") is None


async def test_fields_of_a_newer_version_stay_and_wrong_ones_are_refused(contract_database: tuple[str, str]) -> None:
    url, name = contract_database
    ledger = await MongoLedger.connect(url, name)
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(url)
    tenants = client[name]["tenants"]
    try:
        await tenants.insert_one({"_id": "tnt_new", "version": 7, "policies": {"quiet": True}})
        await tenants.insert_one({"_id": "tnt_bad", "version": 1, "limits": {"sms": {"max_per_min": "many"}}})

        newer = {**OWN._asdict(), "channel": "sms", "pool": "$fast"}
        await tenants.insert_one({"_id": "tnt_own", "version": 3, "providers": [newer]})
        await tenants.insert_many(
            {"_id": f"tnt_a{number}", "version": 1, "providers": [{**newer, "channel": "fax"}]} for number in range(3)
        )

        changed = OWN._replace(name="$name", version=2)
        assert await ledger.tenants.put_providers("tnt_own", (OWN._replace(id="prv_2"), changed), 3)
        own = await tenants.find_one({"_id": "tnt_own"})
        assert own is not None
        assert [each.get("pool") for each in own["providers"]] == [None, "$fast"]  # type: ignore[attr-defined]
        assert (await ledger.tenants.get("tnt_own")).providers == (OWN._replace(id="prv_2"), changed)
        assert [tenant_id for tenant_id, _ in await ledger.tenants.list_with_sealed(limit=2)] == ["tnt_own"]

        assert await ledger.tenants.put("tnt_new", SETTINGS, 7)
        stored = await tenants.find_one({"_id": "tnt_new"})
        assert stored is not None
        assert stored["policies"] == {"quiet": True}
        assert await ledger.tenants.get("tnt_new") == StoredTenant(SETTINGS, 8)
        await ledger.tenants.put_providers("tnt_own", (OWN,), 0)
        await tenants.update_one({"_id": "tnt_own"}, {"$set": {"providers.0.priority": None}})
        for refused in ("tnt_bad", "tnt_own"):
            with pytest.raises(LedgerRefused):
                await ledger.tenants.get(refused)
        with pytest.raises(LedgerRefused):
            await ledger.tenants.find_provider(OWN.id)
    finally:
        await tenants.delete_many({})
        client.close()
        await ledger.aclose()
