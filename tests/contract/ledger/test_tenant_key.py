"""Key of a tenant: created once, at its first use."""

import asyncio
from datetime import UTC, datetime, timedelta

from ledger.ports import Ledger
from ledger.sealing import Sealer
from ledger.tenant_key import SETTLING, get_or_create_key, seconds_until_known

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
SEALER = Sealer([("k1", bytes(32))])


async def test_all_first_uses_at_once_get_the_same_key(ledger: Ledger) -> None:
    keys = await asyncio.gather(*(get_or_create_key(ledger.tenants, "tnt_a", SEALER, AT) for _ in range(5)))

    assert len(set(keys)) == 1
    assert (await ledger.tenants.get("tnt_a")).key == keys[0]
    assert (await get_or_create_key(ledger.tenants, "tnt_b", SEALER, AT)).id != keys[0].id


async def test_a_new_key_is_known_after_a_while(ledger: Ledger) -> None:
    key = await get_or_create_key(ledger.tenants, "tnt_a", SEALER, AT)

    assert [seconds_until_known(key, AT + each) for each in (timedelta(), SETTLING / 4, SETTLING, 2 * SETTLING)] == [
        8,
        6,
        0,
        0,
    ]
