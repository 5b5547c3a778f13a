"""Tenants that wrote to a recipient over a provider."""

from ledger.ports import Ledger
from tests.support.builders import a_hash, a_log


async def test_only_tenants_that_wrote_to_the_recipient_over_the_provider_are_found(ledger: Ledger) -> None:
    wrote = [a_log(tenant_id=tenant, name="wei", provider="shared") for tenant in ("tnt_a", "tnt_b")]
    again = a_log("req-2", tenant_id="tnt_a", name="wei", provider="shared")
    other_hash = a_log(tenant_id="tnt_c", name="wei of old", provider="shared")
    over_another = a_log(tenant_id="tnt_d", name="wei", provider="shared@prv_1.2")
    to_another = a_log("req-3", tenant_id="tnt_e", name="anna", provider="shared")
    without = a_log("req-4", tenant_id="tnt_f", name="wei", provider=None)
    await ledger.logs.insert_or_get([*wrote, again, other_hash, over_another, to_another, without])

    async def found(*names: str) -> list[str]:
        return sorted(await ledger.logs.find_tenants("shared", [a_hash(name) for name in names]))

    assert await found("wei") == ["tnt_a", "tnt_b"]
    assert await found("wei", "wei of old") == ["tnt_a", "tnt_b", "tnt_c"]
    assert await found("nobody") == []
