"""`Prefer: wait`: a response with the statuses of the recipients, if they are known in time."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from producer.completion_waiter import CompletionWaiter
from producer.errors import UnavailableError
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.polling import wait_until
from tests.support.service import GOOD, a_service, gateway_without_mongodb

THREE = {**GOOD, "recipients": ["13800138000", "none", {"to": "13900139000", "reference": "r"}]}


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


async def wait_published(whole: ServiceAndConsumer, count: int) -> None:
    await wait_until(lambda: whole.records() >= count, seconds=10)


async def test_a_waiting_caller_gets_the_final_statuses(whole: ServiceAndConsumer) -> None:
    waiting_call = asyncio.create_task(whole.send(THREE, Prefer="wait=20"))
    await wait_published(whole, 1)
    await whole.consume()
    answer = await waiting_call
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=20")
    body = answer.json()
    assert (body["message"], body["total"], body["pagination"]["total"]) == ("completed", 3, 3)
    items = body["items"]
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


async def test_a_waiting_caller_gets_the_page_that_it_asked_for(whole: ServiceAndConsumer) -> None:
    body = {**GOOD, "recipients": [{"to": f"1380013{n:04}", "reference": str(n)} for n in range(7)]}
    waiting_call = asyncio.create_task(whole.send(body, "?page=3&page_size=3", Prefer="wait=20"))
    await wait_published(whole, 1)
    await whole.consume()
    body = (await waiting_call).json()
    assert [(item["reference"], item["status"]) for item in body["items"]] == [("6", "sent")]
    assert (body["pagination"]["page"], body["pagination"]["total_pages"], body["total"]) == (3, 3, 7)


async def test_after_its_time_a_waiting_caller_gets_the_current_statuses(whole: ServiceAndConsumer) -> None:
    started = time.monotonic()
    answer = await whole.send(Prefer="wait=1")
    assert 1 <= time.monotonic() - started < 5
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert [item["status"] for item in answer.json()["items"]] == ["pending"]
    assert answer.json()["message"] == "accepted"


async def test_a_repeat_that_waits_zero_seconds_gets_the_current_statuses(whole: ServiceAndConsumer) -> None:
    first = await whole.send(key="k")
    await whole.consume()
    again = await whole.send(key="k", Prefer="wait=0")
    assert [item["status"] for item in again.json()["items"]] == ["sent"]
    assert (await whole.send(key="k")).content == first.content


async def test_an_invalid_preference_is_ignored(whole: ServiceAndConsumer) -> None:
    answer = await whole.send(Prefer="wait=soon, respond-async")
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


async def test_without_mongodb_a_waiting_caller_is_answered_at_once() -> None:
    async with a_service(gateway=gateway_without_mongodb()) as service:
        started = time.monotonic()
        answer = await service.send(Prefer="wait=30")
        assert time.monotonic() - started < 5
        assert (answer.status_code, answer.json()["items"][0]["status"]) == (200, "pending")
        assert "Preference-Applied" not in answer.headers


async def test_a_caller_beyond_the_limit_of_waiting_callers_is_answered_at_once() -> None:
    async with a_service(max_waiting=0) as service:
        answer = await service.send(Prefer="wait=30")
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


async def test_callsers_do_not_delay_the_shutdown() -> None:
    async with ServiceAndConsumer() as whole:
        calls = [asyncio.create_task(whole.send(Prefer="wait=30")) for _ in range(3)]
        await wait_published(whole, 3)
        whole.service.waiter.release_all()
        for answer in await asyncio.wait_for(asyncio.gather(*calls), 5):
            assert answer.json()["items"][0]["status"] == "pending"


async def test_the_wait_ends_when_the_caller_disconnects(whole: ServiceAndConsumer) -> None:
    await whole.send(key="k")
    checks = 0

    async def gone() -> bool:
        nonlocal checks
        checks += 1
        return checks > 1

    async with asyncio.timeout(5):
        assert await whole.service.waiter.wait("tnt_a", whole.key("k"), 30, gone) is None
    assert checks == 2


async def test_the_callers_of_one_tenant_leave_places_to_wait_for_others(whole: ServiceAndConsumer) -> None:
    waiter = CompletionWaiter(whole.service.gateway, max_callers=4, max_tenant_callers=2)

    async def present() -> bool:
        return False

    async def wait(tenant_id: str) -> None:
        assert await waiter.wait(tenant_id, whole.key("k"), 30, present) is None

    tasks = [asyncio.create_task(wait(tenant_id)) for tenant_id in ("tnt_evil", "tnt_evil", "tnt_a", "tnt_b")]
    await asyncio.sleep(0)
    for tenant_id in ("tnt_evil", "tnt_c"):
        with pytest.raises(UnavailableError):
            await wait(tenant_id)
    waiter.release_all()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    await wait("tnt_evil")
