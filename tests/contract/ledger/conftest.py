"""Both ledgers, each with a way to let time pass."""

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
"""Lets so many seconds pass on the ledger's clock."""

PATIENCE_SECONDS = 2.0
"""Up to this a wait on MongoDB is a real one; longer ones move its stored times back instead."""

COLLECTIONS = ("requests", "chunks", "communication_logs", "templates", "idempotency_keys")


@dataclass(frozen=True, slots=True)
class House:
    """A ledger and its time."""

    ledger: Ledger
    wait: Wait


@pytest.fixture(scope="session")
def contract_database(mongo_url: str) -> Iterator[tuple[str, str]]:
    """(address, name) of one database for all of these tests: its indexes take longer to make than most of them run."""
    name = f"contract_{uuid4().hex[:12]}"
    yield mongo_url, name
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database(name)


@pytest.fixture(params=["memory", "mongo"])
def database_or_none(request: pytest.FixtureRequest) -> tuple[str, str] | None:
    return request.getfixturevalue("contract_database") if request.param == "mongo" else None


@pytest.fixture
async def house(database_or_none: tuple[str, str] | None) -> AsyncIterator[House]:
    if database_or_none is None:
        yield memory_house()
        return
    url, name = database_or_none
    ledger = await MongoLedger.connect(url, name)
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(url)
    try:
        await ledger.setup()
        await ledger.ping()
        yield mongo_house(ledger, client, name)
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
def ledger(house: House) -> Ledger:
    return house.ledger


@pytest.fixture
def wait(house: House) -> Wait:
    return house.wait


def memory_house() -> House:
    """A ledger in memory whose clock moves by `wait` alone."""
    passed = timedelta()
    start = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)

    async def wait(seconds: float) -> None:
        nonlocal passed
        passed += timedelta(seconds=seconds)

    return House(MemoryLedger(lambda: start + passed), wait)


def mongo_house(ledger: Ledger, client: AsyncIOMotorClient[dict[str, object]], database: str) -> House:
    """A ledger in MongoDB whose time is real, or whose stored times grow older."""

    async def wait(seconds: float) -> None:
        if seconds > PATIENCE_SECONDS:
            milliseconds = round(seconds * 1000)
            for collection, names in {
                "chunks": ("due_at", "sweep_at", "expires_at"),
                "requests": ("looked_at",),
            }.items():
                older = {name: {"$subtract": [f"${name}", milliseconds]} for name in names}
                await client[database][collection].update_many({}, [{"$set": older}])
            completed_at = {"$subtract": ["$completion.completed_at", milliseconds]}
            await client[database]["requests"].update_many(
                {"completion": {"$ne": None}}, [{"$set": {"completion.completed_at": completed_at}}]
            )
            return
        deadline = time.monotonic() + seconds + 0.02  # the ledger knows the server's clock to some milliseconds
        while (left := deadline - time.monotonic()) > 0:  # noqa: ASYNC110  # nothing tells when a lease lapses
            await asyncio.sleep(min(left, 0.01))

    return House(ledger, wait)
