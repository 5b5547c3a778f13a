"""One of two consumers is killed in the middle: nothing is lost, and what is in doubt is known, and is little."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.ids import request_key
from devstack import Stack
from schemas.results import RequestCompleted
from tests.e2e.accounting import Accounting, an_accounting_provider
from tests.e2e.books import assert_balanced, roll
from tests.e2e.caller import Results, publish, reading, until
from tests.e2e.crowd import TENANT, a_request
from tests.e2e.house import Document, House, Service, a_house

PARTS = 4
IN_A_PART = 5_000
TOTAL = PARTS * IN_A_PART
KILLED_AT = 6_000
WINDOW = 100
SLOTS = 4

pytestmark = [pytest.mark.durable, pytest.mark.timeout(300)]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Accounting]:
    with an_accounting_provider(tmp_path) as provider:
        yield provider


@pytest.fixture
def house(stack: Stack, provider: Accounting, tmp_path: Path) -> Iterator[House]:
    """A lease that ends soon, and is no shorter than twice the provider's time-out."""
    settings = {"LEASE_SECONDS": 10, "MAX_CHUNKS_IN_FLIGHT": SLOTS, "WINDOW_SIZE": WINDOW}
    with a_house(stack, tmp_path, PROVIDERS=[provider.entry], **settings) as house:
        yield house


def parts_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """One request for 20,000 in four records."""
    return [
        request | {"recipients": numbers(part), "part": part, "last": part == PARTS - 1, "content": "Hello"}
        for part in range(PARTS)
    ]


def numbers(part: int) -> list[str]:
    return [f"139{index:08d}" for index in range(part * IN_A_PART, (part + 1) * IN_A_PART)]


def open_windows(house: House, key: str, owners: str) -> dict[str, Document]:
    """The windows that claims of this process hold open, by chunk."""
    held = {"request": key, "open": True, "window": {"$ne": None}, "owner": {"$regex": owners}}
    return {chunk["_id"]: chunk["window"] for chunk in house.database["chunks"].find(held)}


async def windows_of_the_dead(house: House, key: str, victim: Service) -> set[str]:
    """Log ids of the deliveries whose windows were open when it died; nobody takes them over within the lease."""
    owners = f"-{victim.child.pid}-"
    found = open_windows(house, key, owners)

    def settled() -> bool:  # what it had sent last may still be on its way into MongoDB
        nonlocal found
        before, found = found, open_windows(house, key, owners)
        return before == found

    await until(settled)
    return {
        f"log_{chunk_id[4:34]}{index:05x}"
        for chunk_id, window in found.items()
        for first, end in window["ranges"]
        for index in range(first, end)
    }


@pytest.mark.parametrize("policy", ["mark_unknown", "resend"])
async def test_a_kill_in_the_middle_of_twenty_thousand_loses_nobody(
    house: House, provider: Accounting, policy: str
) -> None:
    request = a_request([], on_uncertain=policy)
    key = request_key(TENANT, request["request_id"])
    async with reading(house.bootstrap, Results(house.topics.results)) as results:
        with house.service("consumer"), house.service("consumer") as victim:
            await publish(house.bootstrap, house.topics.requests, *parts_of(request), key=request["request_id"])
            await until(lambda: len(provider.accepted()) >= KILLED_AT)
            await until(lambda: open_windows(house, key, f"-{victim.child.pid}-"))
            victim.child.kill()
            in_doubt = await windows_of_the_dead(house, key, victim)
            completed = await results.completed(request["request_id"], 200)
            await assert_balanced(house, results, completed, total=TOTAL)
    assert 0 < len(in_doubt) <= 2 * SLOTS * WINDOW
    assert_accounted(house, provider, completed, in_doubt, policy)


def assert_accounted(
    house: House, provider: Accounting, completed: RequestCompleted, in_doubt: set[str], policy: str
) -> None:
    """What the provider wrote down and what the logs say differ only where the kill left a doubt."""
    accepted = Counter(provider.accepted())
    logs = {log["_id"]: log["outcome"] for log in roll(house, completed.request_id).values()}
    sent = {log_id for log_id, outcome in logs.items() if outcome == "sent"}
    unknown = {log_id for log_id, outcome in logs.items() if outcome == "unknown"}
    twice = {delivery_id for delivery_id, times in accepted.items() if times > 1}
    assert sent | unknown == logs.keys()
    assert sent <= accepted.keys() <= logs.keys()
    if policy == "mark_unknown":
        assert not twice
        assert unknown <= in_doubt
        assert accepted.keys() - sent <= unknown
        assert completed.by_reason == ({"interrupted": len(unknown)} if unknown else {})
    else:
        assert not unknown
        assert twice <= in_doubt
        assert max(accepted.values()) <= 2
    assert twice | unknown, "the kill hit nothing that was under way"
