"""Tenants that wrote to a recipient, in MongoDB.

The index of a recipient begins with the tenant, because all other queries know it. An index without it would cost each
log one more entry, for the few messages that come in. So the tenants are read first: one seek in an index for each.
"""

from collections.abc import Collection

from motor.motor_asyncio import AsyncIOMotorCollection

from ledger.mongo.connection import Document, translated_errors

BATCH = 1_000
"""Maximum number of tenants of one query."""


async def find_tenants(
    logs: AsyncIOMotorCollection[Document], provider: str, recipient_hashes: Collection[bytes]
) -> list[str]:
    """Return each tenant with a log to the recipient of these hashes over a provider."""
    hashes, found = list(recipient_hashes), list[str]()
    with translated_errors():
        tenants = await logs.distinct("tenant_id")
        for start in range(0, len(tenants), BATCH):
            wanted = {"tenant_id": {"$in": tenants[start : start + BATCH]}, "recipient_hash": {"$in": hashes}}
            steps: list[Document] = [{"$match": {**wanted, "provider": provider}}, {"$group": {"_id": "$tenant_id"}}]
            groups = await logs.aggregate(steps, hint="of_recipient").to_list(None)
            found += [group["_id"] for group in groups]
    return found
