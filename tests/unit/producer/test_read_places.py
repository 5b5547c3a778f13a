"""Places for calls that read texts: one tenant takes a part of them."""

import asyncio

from producer.read.places import MAX_READS, MAX_TENANT_READS, read_places


async def test_the_reads_of_one_tenant_leave_places_for_others() -> None:
    places = read_places()
    reading: list[str] = []

    async def read(tenant: str) -> None:
        with places.share(tenant) as place:
            await place.take(1)
            reading.append(tenant)
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(read(tenant)) for tenant in ["tnt_evil"] * 10 + ["tnt_a", "tnt_b", "tnt_c"]]
    for _ in range(20):
        await asyncio.sleep(0)
    assert reading == ["tnt_evil"] * MAX_TENANT_READS + ["tnt_a", "tnt_b"]
    assert len(reading) == MAX_READS
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with places.share("tnt_a") as place:
        await place.take(MAX_TENANT_READS)


async def test_the_tenant_with_the_fewest_reads_is_served_first() -> None:
    places = read_places()
    reading: list[str] = []
    ends = [asyncio.Event() for _ in range(40)]

    async def read(tenant: str, end: asyncio.Event) -> None:
        with places.share(tenant) as place:
            await place.take(1)
            reading.append(tenant)
            await end.wait()

    tenants = [*["tnt_evil_1", "tnt_evil_2"] * 19, "tnt_a", "tnt_b"]
    tasks = [asyncio.create_task(read(tenant, end)) for tenant, end in zip(tenants, ends, strict=True)]
    for end in ends[:2]:
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(reading) >= MAX_READS
        end.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert reading[MAX_READS:] == ["tnt_a", "tnt_b"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
