"""Both ledgers, each with a way to let time pass."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from ledger.memory import MemoryLedger
from ledger.mongo import MongoLedger
from ledger.ports import Ledger

Wait = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass on the ledger's clock."""

PATIENCE_SECONDS = 2.0
"""Up to this a wait on MongoDB is a real one; longer ones move its stored times back instead."""


@dataclass(frozen=True, slots=True)
class House:
    """A ledger and its time."""

    ledger: Ledger
    wait: Wait


@pytest.fixture(scope="session")
def contract_database() -> str:
    """One database for all of these tests: to make its indexes takes longer than most of them."""
    return f"contract_{uuid4().hex[:12]}"


@pytest.fixture(params=["memory", "mongo"])
def mongo_url_or_none(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("mongo_url") if request.param == "mongo" else None


@pytest.fixture
async def house(mongo_url_or_none: str | None, contract_database: str) -> AsyncIterator[House]:
    if mongo_url_or_none is None:
        yield memory_house()
        return
    ledger = await MongoLedger.connect(mongo_url_or_none, contract_database)
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(mongo_url_or_none)
    try:
        await ledger.setup()
        await ledger.ping()
        yield mongo_house(ledger, client, contract_database)
    finally:
        await ledger.aclose()
        for collection in ("requests", "chunks", "communication_logs", "templates", "idempotency_keys"):
            await client[contract_database][collection].delete_many({})
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
            for collection, names in {"chunks": ("due_at", "sweep_at"), "requests": ("looked_at",)}.items():
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
