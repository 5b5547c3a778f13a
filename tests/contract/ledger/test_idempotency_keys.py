"""Idempotency keys. The first call decides, even if other calls arrive at the same time."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from core.ids import request_key
from ledger.errors import LedgerUnavailable
from ledger.idempotency_record import IdempotencyRecord
from ledger.mongo import MongoLedger, grouped_writes
from ledger.mongo.index_list import KEY_DAYS
from ledger.ports import Ledger
from schemas.topic_definitions import DAY_MS, Topics

NOON = datetime(2026, 4, 15, 12, 0, 0, 123_000, tzinfo=UTC)


def a_taken_key(tenant: str = "tnt_a", key: str = "order-17", digest: bytes = b"d" * 16) -> IdempotencyRecord:
    return IdempotencyRecord(request_key(tenant, key), tenant, "k1", digest, NOON, 3)


async def test_who_takes_a_key_first_reads_back_what_was_written_and_when(ledger: Ledger) -> None:
    taken = a_taken_key()
    stands = await ledger.keys.insert_or_get(taken)
    assert replace(stands, created_at=None) == taken
    assert stands.created_at is not None
    assert abs(stands.created_at - ledger.now()) < timedelta(seconds=5)
    assert await ledger.keys.get(taken.key) == stands


async def test_who_comes_later_changes_nothing_and_is_told_what_stands(ledger: Ledger) -> None:
    first = await ledger.keys.insert_or_get(a_taken_key())
    later = replace(a_taken_key(digest=b"other"), accepted_at=NOON + timedelta(hours=1), template_version=None)
    assert await ledger.keys.insert_or_get(later) == first
    assert await ledger.keys.get(later.key) == first


async def test_what_the_first_left_open_stays_open(ledger: Ledger) -> None:
    await ledger.keys.insert_or_get(replace(a_taken_key(), template_version=None))
    assert (await ledger.keys.insert_or_get(a_taken_key())).template_version is None


async def test_of_many_at_once_one_decides_for_all(ledger: Ledger) -> None:
    offered = [replace(a_taken_key(), accepted_at=NOON + timedelta(seconds=number)) for number in range(20)]
    stands = await asyncio.gather(*(ledger.keys.insert_or_get(one) for one in offered))
    assert len(set(stands)) == 1
    assert stands[0].accepted_at in {one.accepted_at for one in offered}


async def test_a_key_is_its_tenants_alone(ledger: Ledger) -> None:
    mine = await ledger.keys.insert_or_get(a_taken_key())
    theirs = await ledger.keys.insert_or_get(a_taken_key("tnt_b", digest=b"theirs"))
    assert (mine.digest, theirs.digest) == (b"d" * 16, b"theirs")


async def test_an_unknown_key_is_none(ledger: Ledger) -> None:
    assert await ledger.keys.get(request_key("tnt_a", "nobody's")) is None


async def test_mongodb_forgets_keys_later_than_kafka_forgets_the_records(mongo_url: str) -> None:
    ledger = await MongoLedger.connect(mongo_url, "contract_keys")
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(mongo_url)
    try:
        await ledger.setup()
        index = (await client["contract_keys"]["idempotency_keys"].index_information())["forgotten"]
    finally:
        await ledger.aclose()
        await client.drop_database("contract_keys")
        client.close()
    assert index["expireAfterSeconds"] == KEY_DAYS * 86_400
    assert max(spec.retention_ms for spec in Topics().specs() if "requests" in spec.name) + DAY_MS <= KEY_DAYS * DAY_MS


async def test_keys_that_calls_wrote_together_are_written_again_after_a_lost_answer(
    contract_database: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lost = grouped_writes.run_writes, list[object]()

    async def lose_the_first_answer(*command: Any) -> Any:
        reply = await run(*command)
        if not lost:
            lost.append(reply)
            raise LedgerUnavailable("no answer")
        return reply

    monkeypatch.setattr(grouped_writes, "run_writes", lose_the_first_answer)
    ledger = await MongoLedger.connect(*contract_database)
    taken = [a_taken_key(key=f"lost-{number}") for number in range(3)]
    try:
        stands = await asyncio.gather(*map(ledger.keys.insert_or_get, taken))
    finally:
        await ledger.aclose()

    assert len(lost) == 1
    assert [replace(each, created_at=None) for each in stands] == taken
