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
