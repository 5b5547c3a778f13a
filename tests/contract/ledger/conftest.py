"""Fixtures of both ledgers, each with a way to let time pass."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import MongoClient

from ledger.memory import MemoryLedger
from ledger.mongo import MongoLedger
from ledger.ports import Ledger
from tests.contract.ledger.documents.stored import Documents

Wait = Callable[[float], Awaitable[None]]
"""Function that lets this many seconds pass on the clock of the ledger."""

PATIENCE_SECONDS = 2.0
"""Longest real wait on MongoDB, in seconds. A longer wait moves the stored times back instead."""

COLLECTIONS = (
    "requests",
    "chunks",
    "communication_logs",
    "templates",
    "idempotency_keys",
    "permits",
    "tenants",
    "receipts",
    "suppressions",
    "erasures",
    "audit",
    "message_counters",
    "consents",
    "provider_states",
)


@dataclass(frozen=True, slots=True)
class TimedLedger:
    """Ledger under test, and a function that lets its time pass."""

    ledger: Ledger
    wait: Wait


@pytest.fixture(scope="session")
def contract_database(mongo_url: str) -> Iterator[tuple[str, str]]:
    """Return the address and name of one database for all tests. Creating its indexes takes longer than most tests."""
    name = f"contract_{uuid4().hex[:12]}"
    yield mongo_url, name
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database(name)


@pytest.fixture(params=["memory", "mongo"])
def database_or_none(request: pytest.FixtureRequest) -> tuple[str, str] | None:
    return request.getfixturevalue("contract_database") if request.param == "mongo" else None


@pytest.fixture
async def timed_ledger(database_or_none: tuple[str, str] | None) -> AsyncIterator[TimedLedger]:
    if database_or_none is None:
        yield timed_memory_ledger()
        return
    url, name = database_or_none
    ledger = await MongoLedger.connect(url, name)
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(url)
    try:
        await ledger.setup()
        await ledger.ping()
        yield timed_mongo_ledger(ledger, client, name)
    finally:
        await ledger.aclose()
        for collection in COLLECTIONS:
            await client[name][collection].delete_many({})
        client.close()


@pytest.fixture
async def documents(contract_database: tuple[str, str]) -> AsyncIterator[Documents]:
    url, name = contract_database
    ledger = await MongoLedger.connect(url, name)
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(url, tz_aware=True, tzinfo=UTC)
    try:
        await ledger.setup()
        yield Documents(ledger, client[name])
    finally:
        await ledger.aclose()
        for collection in COLLECTIONS:
            await client[name][collection].delete_many({})
        client.close()


@pytest.fixture
def ledger(timed_ledger: TimedLedger) -> Ledger:
    return timed_ledger.ledger


@pytest.fixture
def wait(timed_ledger: TimedLedger) -> Wait:
    return timed_ledger.wait


def timed_memory_ledger() -> TimedLedger:
    """Return an in-memory ledger whose clock moves only with `wait`."""
    passed = timedelta()
    start = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)

    async def wait(seconds: float) -> None:
        nonlocal passed
        passed += timedelta(seconds=seconds)

    return TimedLedger(MemoryLedger(lambda: start + passed), wait)


def timed_mongo_ledger(ledger: Ledger, client: AsyncIOMotorClient[dict[str, object]], database: str) -> TimedLedger:
    """Return a MongoDB ledger whose `wait` waits, or moves the stored times back."""

    async def wait(seconds: float) -> None:
        if seconds > PATIENCE_SECONDS:
            milliseconds, lease_times = round(seconds * 1000), ("due_at", "sweep_at", "expires_at")
            for collection, names in {
                "chunks": lease_times,
                "requests": ("looked_at", *lease_times),
                "provider_states": ("reported_at",),
                "receipts": ("first_seen_at", "next_try_at"),
            }.items():
                older = {
                    name: {
                        "$cond": [{"$eq": [{"$type": f"${name}"}, "missing"]}, "$$REMOVE", _minus(name, milliseconds)]
                    }
                    for name in names
                }
                await client[database][collection].update_many({}, [{"$set": older}])
            sent = {"$mergeObjects": ["$$each", {"at": {"$subtract": ["$$each.at", milliseconds]}}]}
            counted = {"$map": {"input": "$sent", "as": "each", "in": sent}}
            await client[database]["message_counters"].update_many(
                {}, [{"$set": {"sent": counted, "gone_at": _minus("gone_at", milliseconds)}}]
            )
            completed_at = {"$subtract": ["$completion.completed_at", milliseconds]}
            await client[database]["requests"].update_many(
                {"completion": {"$ne": None}}, [{"$set": {"completion.completed_at": completed_at}}]
            )
            return
        deadline = time.monotonic() + seconds + 0.02  # the estimated time may be off by milliseconds
        while (left := deadline - time.monotonic()) > 0:  # noqa: ASYNC110  # no event announces that a lease has expired
            await asyncio.sleep(min(left, 0.01))

    return TimedLedger(ledger, wait)


def _minus(name: str, milliseconds: int) -> dict[str, object]:
    return {"$subtract": [f"${name}", milliseconds]}
