"""Suppressions that are already there before a run: documents of the product's shape, with random addresses."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from bench.installation import Installation
from bench.workload import TENANT
from config.settings import parse_sealing_keys
from core.ids import suppression_ids
from ledger.mongo.ledger import MongoLedger
from ledger.sealing import Sealer
from ledger.tenant_key import get_or_create_key
from schemas.statuses import Channel

_AT_ONCE = 5_000
_SEALED_BYTES = 56
"""Size of a sealed phone number, with the name of its key, its nonce and its tag."""
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def fill(installation: Installation, number: int) -> None:
    """Write this many suppressions of the tenant, and wait until MongoDB has them in its data files."""
    key_id = asyncio.run(_create_key(installation))
    with MongoClient[dict[str, Any]](installation.stack.mongo_url) as client:
        database = client[installation.prefix]
        fast = database.get_collection("suppressions", write_concern=WriteConcern(w=1, j=False))
        for first in range(0, number, _AT_ONCE):
            fast.insert_many(_documents(key_id, min(_AT_ONCE, number - first)), ordered=False)
        # A checkpoint of these writes would otherwise slow the first measurement.
        client.admin.command("fsync")


async def _create_key(installation: Installation) -> str:
    sealer = Sealer(parse_sealing_keys(SecretStr(installation.env["ROLLCALL_SEALING_KEYS"])))
    ledger = await MongoLedger.connect(installation.stack.mongo_url, installation.prefix)
    try:
        return (await get_or_create_key(ledger.tenants, TENANT, sealer, datetime.now(UTC))).id
    finally:
        await ledger.aclose()


def _documents(key_id: str, number: int) -> Iterator[dict[str, Any]]:
    hashes = os.urandom(16 * number)
    entry = {"reason": "opted_out", "scope": "all", "source": "import", "since": _SINCE}
    for name in suppression_ids(key_id, Channel.SMS, (hashes[16 * at : 16 * at + 16] for at in range(number))):
        yield {"_id": name, "sealed": os.urandom(_SEALED_BYTES), "entries": [entry]}
