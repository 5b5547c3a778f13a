"""Rotation of sealing keys: the configurations of tenants' providers are sealed with the newest key."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ledger.errors import SealingError
from ledger.ports import Ledger
from ledger.provider_configs import open_config, seal_config
from ledger.sealing import Sealer, key_id_of
from ledger.tenant_key import get_or_create_key, open_tenant_key
from ledger.tenant_port import StoredProvider, StoredTenant
from ledger.tenant_resealing import count_keys, reseal_page
from schemas.statuses import Channel
from schemas.tenant_settings import TenantSettings

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
OLD_KEY, NEW_KEY = ("old", b"1" * 32), ("new", b"2" * 32)
OLD, BOTH, NEW = Sealer([OLD_KEY]), Sealer([NEW_KEY, OLD_KEY]), Sealer([NEW_KEY])


def a_provider(tenant_id: str, number: int, sealer: Sealer) -> StoredProvider:
    """Return a provider of a tenant. Its configuration is its id."""
    sealed = seal_config(f"prv_{number}", tenant_id, f"prv_{number}", sealer)
    return StoredProvider(f"prv_{number}", "acme", Channel.SMS, 5, number % 2 == 0, 7, sealed, AT, AT)


async def store(ledger: Ledger, tenant_id: str, sealers: Sequence[Sealer]) -> StoredTenant:
    providers = [a_provider(tenant_id, number, sealer) for number, sealer in enumerate(sealers)]
    assert await ledger.tenants.put_providers(tenant_id, providers, 0)
    return await ledger.tenants.get(tenant_id)


async def test_what_is_sealed_with_an_older_key_is_sealed_again_and_keeps_its_reference(ledger: Ledger) -> None:
    before = await store(ledger, "tnt_a", [OLD, NEW, OLD])

    page = await reseal_page(ledger.tenants, BOTH)

    after = await ledger.tenants.get("tnt_a")
    assert page == ("tnt_a", 1, {})
    assert [open_config(each, "tnt_a", NEW) for each in after.providers] == ["prv_0", "prv_1", "prv_2"]
    assert [each._replace(sealed=b"") for each in after.providers] == [
        each._replace(sealed=b"") for each in before.providers
    ]
    assert after.providers[1] == before.providers[1]
    with pytest.raises(SealingError):
        open_config(after.providers[0], "tnt_b", NEW)


async def test_a_tenant_key_is_sealed_again_and_stays_the_same_key(ledger: Ledger) -> None:
    before = await get_or_create_key(ledger.tenants, "tnt_a", OLD, AT)
    await ledger.tenants.put_providers("tnt_a", [a_provider("tnt_a", 0, OLD)], 1)

    assert await reseal_page(ledger.tenants, BOTH) == ("tnt_a", 1, {})
    assert await reseal_page(ledger.tenants, BOTH) == ("tnt_a", 0, {})

    after = await ledger.tenants.get("tnt_a")
    assert after.key is not None
    assert key_id_of(after.key.sealed) == key_id_of(after.providers[0].sealed) == "new"
    opened = [open_tenant_key(before, "tnt_a", OLD), open_tenant_key(after.key, "tnt_a", NEW)]
    assert opened[0].subkey(b"purpose") == opened[1].subkey(b"purpose")
    with pytest.raises(SealingError):
        open_tenant_key(after.key, "tnt_b", NEW)


async def test_a_tenant_key_that_no_key_opens_is_counted(ledger: Ledger) -> None:
    await get_or_create_key(ledger.tenants, "tnt_a", OLD, AT)

    assert await reseal_page(ledger.tenants, NEW) == ("tnt_a", 0, {"old": 1})
    assert await count_keys(ledger.tenants, NEW) == ({"old": 1}, {"old": 1})


async def test_tenants_are_taken_in_pages_and_what_is_new_is_not_written(ledger: Ledger) -> None:
    for number in range(3):
        await store(ledger, f"tnt_{number}", [OLD if number else NEW])

    first = await reseal_page(ledger.tenants, BOTH, limit=2)
    second = await reseal_page(ledger.tenants, BOTH, first.last or "", limit=2)
    end = await reseal_page(ledger.tenants, BOTH, second.last or "", limit=2)

    assert [first[:2], second[:2], end[:2]] == [("tnt_1", 1), ("tnt_2", 1), (None, 0)]
    assert [(await ledger.tenants.get(f"tnt_{number}")).version for number in range(3)] == [1, 2, 2]


async def test_what_no_key_opens_stays_and_its_key_is_counted_by_tenants(ledger: Ledger) -> None:
    await store(ledger, "tnt_a", [OLD, OLD, NEW])
    await store(ledger, "tnt_b", [OLD])
    lost = await store(ledger, "tnt_c", [NEW])

    page = await reseal_page(ledger.tenants, NEW)

    assert page == ("tnt_c", 0, {"old": 2})
    other_bytes = Sealer([("new", b"3" * 32), OLD_KEY])
    assert await count_keys(ledger.tenants, NEW) == ({"old": 2, "new": 2}, {"old": 2})
    assert await count_keys(ledger.tenants, other_bytes) == ({"old": 2, "new": 2}, {"new": 2})
    assert await ledger.tenants.get("tnt_c") == lost


async def test_a_change_that_comes_first_is_kept(ledger: Ledger) -> None:
    await store(ledger, "tnt_a", [OLD])
    tenants, get = ledger.tenants, ledger.tenants.list_with_sealed

    async def list_and_change(after: str = "", limit: int = 100) -> list[tuple[str, StoredTenant]]:
        found = await get(after, limit)
        await tenants.put("tnt_a", TenantSettings(), 1)
        await tenants.put_providers("tnt_a", (a_provider("tnt_a", 0, OLD), a_provider("tnt_a", 1, OLD)), 2)
        return found

    tenants.list_with_sealed = list_and_change  # type: ignore[method-assign]
    assert (await reseal_page(tenants, BOTH)).resealed == 1

    after = await tenants.get("tnt_a")
    assert (after.version, [key_id_of(each.sealed) for each in after.providers]) == (4, ["new", "new"])
