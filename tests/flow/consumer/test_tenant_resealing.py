"""Rotation of sealing keys in the consumer: at the start, then about once an hour."""

from structlog.testing import capture_logs

from consumer.sweep.tenant_resealing import ROUND_SECONDS, TenantResealing
from ledger.provider_configs import seal_config
from ledger.sealing import Sealer, key_id_of
from ledger.tenant_port import StoredProvider
from schemas.statuses import Channel
from tests.flow.world import START, World

OTHER = Sealer([("k0", b"0" * 32)])


async def test_the_keys_of_providers_are_rotated_at_the_start_and_then_hourly() -> None:
    world = World()
    both = Sealer([("k1", bytes(32)), ("k0", b"0" * 32)])

    async def store(tenant_id: str) -> None:
        sealed = seal_config("{}", tenant_id, "prv_1", OTHER)
        provider = StoredProvider("prv_1", "http", Channel.SMS, 5, True, 1, sealed, START, START)
        await world.ledger.tenants.put_providers(tenant_id, (provider,), 0)

    async def key_of(tenant_id: str) -> str:
        (provider,) = (await world.ledger.tenants.get(tenant_id)).providers
        return key_id_of(provider.sealed)

    async def run(job: TenantResealing) -> list[str]:
        with capture_logs() as lines:
            for _ in range(4):
                await job.run_batch()
        return [f"{line['event']} {line.get('key_id', '')} {line['tenants']}" for line in lines]

    await store("tnt_a")
    await store("tnt_b")
    assert await run(TenantResealing(world.context())) == ["sealing key of tenants missing k0 2"]

    world.sealer = both
    job = TenantResealing(world.context())
    assert await run(job) == ["data of tenants sealed again  2"]
    assert [await key_of("tnt_a"), await key_of("tnt_b")] == ["k1", "k1"]

    await store("tnt_c")
    assert await run(job) == []
    world.pass_time(ROUND_SECONDS)
    assert await run(job) == ["data of tenants sealed again  1"]
    assert await key_of("tnt_c") == "k1"
