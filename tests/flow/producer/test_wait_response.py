"""`Prefer: wait`: an answer that says where the recipients stand, if it can be had in time."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.flow.service_and_consumer import Whole
from tests.support.service import GOOD, a_service, gateway_without_mongodb

THREE = {**GOOD, "recipients": ["13800138000", "none", {"to": "13900139000", "reference": "r"}]}


@pytest.fixture
async def whole() -> AsyncIterator[Whole]:
    async with Whole() as made:
        yield made


async def wait_published(whole: Whole, count: int) -> None:
    end = time.monotonic() + 10
    while whole.records() < count:  # the twin tells nobody
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.005)


async def test_who_waits_is_told_how_it_ended(whole: Whole) -> None:
    asked = asyncio.create_task(whole.send(THREE, Prefer="wait=20"))
    await wait_published(whole, 1)
    await whole.consume()
    answer = await asked
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=20")
    said = answer.json()
    assert (said["message"], said["total"], said["pagination"]["total"]) == ("completed", 3, 3)
    items = said["items"]
    assert [(item["status"], item.get("reason")) for item in items] == [
        ("sent", None),
        ("failed", "invalid_recipient"),
        ("sent", None),
    ]
    assert [item["recipient"] for item in items] == ["138****8000", "***", "139****9000"]
    assert {item["content"] for item in items} == {"Hello"}
    assert [item.get("provider") for item in items] == ["book", None, "book"]
    assert items[0].keys() >= {"sent_at", "provider"}
    assert None not in items[0].values()


async def test_a_page_is_told_of_that_was_asked_for(whole: Whole) -> None:
    body = {**GOOD, "recipients": [{"to": f"1380013{n:04}", "reference": str(n)} for n in range(7)]}
    asked = asyncio.create_task(whole.send(body, "?page=3&page_size=3", Prefer="wait=20"))
    await wait_published(whole, 1)
    await whole.consume()
    said = (await asked).json()
    assert [(item["reference"], item["status"]) for item in said["items"]] == [("6", "sent")]
    assert (said["pagination"]["page"], said["pagination"]["total_pages"], said["total"]) == (3, 3, 7)


async def test_when_time_is_over_it_says_what_is_known(whole: Whole) -> None:
    started = time.monotonic()
    answer = await whole.send(Prefer="wait=1")
    assert 1 <= time.monotonic() - started < 5
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert [item["status"] for item in answer.json()["items"]] == ["pending"]
    assert answer.json()["message"] == "accepted"


async def test_a_repeat_with_a_key_that_waits_for_nothing_says_how_it_stands(whole: Whole) -> None:
    first = await whole.send(key="k")
    await whole.consume()
    again = await whole.send(key="k", Prefer="wait=0")
    assert [item["status"] for item in again.json()["items"]] == ["sent"]
    assert (await whole.send(key="k")).content == first.content


async def test_a_preference_that_is_none_is_ignored(whole: Whole) -> None:
    answer = await whole.send(Prefer="wait=soon, respond-async")
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


async def test_without_mongodb_it_is_answered_at_once() -> None:
    async with a_service(gateway=gateway_without_mongodb()) as service:
        started = time.monotonic()
        answer = await service.send(Prefer="wait=30")
        assert time.monotonic() - started < 5
        assert (answer.status_code, answer.json()["items"][0]["status"]) == (200, "pending")
        assert "Preference-Applied" not in answer.headers


async def test_when_too_many_wait_the_next_is_answered_at_once() -> None:
    async with a_service(max_waiting=0) as service:
        answer = await service.send(Prefer="wait=30")
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


async def test_nobody_keeps_the_service_from_ending() -> None:
    async with Whole() as whole:
        asked = [asyncio.create_task(whole.send(Prefer="wait=30")) for _ in range(3)]
        await wait_published(whole, 3)
        whole.service.waiter.release_all()
        for answer in await asyncio.wait_for(asyncio.gather(*asked), 5):
            assert answer.json()["items"][0]["status"] == "pending"


async def test_a_caller_that_hung_up_is_waited_for_no_longer(whole: Whole) -> None:
    await whole.send(key="k")
    asked = 0

    async def gone() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    async with asyncio.timeout(5):
        assert await whole.service.waiter.wait(whole.key("k"), 30, gone) is None
    assert asked == 2
