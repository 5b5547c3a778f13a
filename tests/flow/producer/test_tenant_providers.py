"""Providers that a tenant manages itself, over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from ledger.sealing import Sealer
from tests.flow.producer.own_providers import (
    CONFIG,
    GATEWAY,
    MAIL,
    READ,
    READ_PATH,
    SECRET,
    URL,
    WRITE_PATH,
    a_small_service,
    call,
    create,
    listed,
)
from tests.support.service import Service, a_token


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_small_service() as service:
        yield service


async def test_a_new_provider_is_answered_stored_and_read_without_its_secrets(service: Service) -> None:
    answer = await call(service, "POST", WRITE_PATH, GATEWAY)
    data = answer.json()["data"]

    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (201, 201, "ok")
    assert answer.headers["Location"] == f"{READ_PATH}/{data['id']}"
    assert len(data.pop("id")) == 20
    assert data == {
        "channel": "sms",
        "config": json.dumps({"kind": "http", "url": URL, "bearer_token": "***"}),
        "created_at": "2026-04-15T12:00:00.001000Z",
        "is_active": True,
        "priority": 100,
        "provider": "gateway",
        "tenant_id": "tnt_a",
        "updated_at": "2026-04-15T12:00:00.001000Z",
    }
    read = await service.get(answer.headers["Location"], a_token(READ))
    assert read.json()["data"] == answer.json()["data"]
    (stored,) = (await service.ledger.tenants.get("tnt_a")).providers
    assert (stored.version, stored.is_active) == (1, True)
    assert SECRET.encode() not in stored.sealed


async def test_the_list_has_pages_and_filters_in_the_order_of_the_calls(service: Service) -> None:
    first = await create(service)
    await create(service, provider="second", priority=5)
    await create(service, channel="email", provider="smtp", config=MAIL)
    await call(service, "PUT", f"{WRITE_PATH}/{first['id']}", {"is_active": False})

    page = (await call(service, "GET", f"{READ_PATH}?page=2&page_size=2", scope=READ)).json()

    assert await listed(service) == ["second", "gateway", "smtp"]
    assert await listed(service, "?channel=sms") == ["second", "gateway"]
    assert await listed(service, "?channel=sms&is_active=true") == ["second"]
    assert await listed(service, "?is_active=false") == ["gateway"]
    assert [item["provider"] for item in page["items"]] == ["smtp"]
    assert page["total"] == 3
    assert page["pagination"] == {
        "page": 2,
        "page_size": 2,
        "total": 3,
        "total_pages": 2,
        "has_next": False,
        "has_prev": True,
    }


async def test_only_a_changed_configuration_has_a_new_version(service: Service) -> None:
    path = f"{WRITE_PATH}/{(await create(service))['id']}"
    versions = []
    for body in (
        {"priority": 7},
        {"is_active": False},
        {"config": json.dumps(dict(reversed(json.loads(CONFIG).items())))},
        {"config": json.dumps({**json.loads(CONFIG), "bearer_token": "another"}), "is_active": True},
        {},
    ):
        assert (await call(service, "PUT", path, body)).status_code == 200
        (stored,) = (await service.ledger.tenants.get("tnt_a")).providers
        versions.append((stored.version, stored.priority, stored.is_active))

    assert versions == [(1, 7, True), (1, 7, False), (1, 7, False), (2, 7, True), (2, 7, True)]
    assert (await service.ledger.tenants.get("tnt_a")).version == 4


async def test_a_deleted_provider_is_gone_and_its_name_gets_another_reference(service: Service) -> None:
    await create(service)
    (before,) = (await service.ledger.tenants.get("tnt_a")).providers

    answer = await call(service, "DELETE", f"{WRITE_PATH}/{before.id}")
    assert (answer.status_code, answer.json()) == (200, {"code": 200, "message": "ok"})
    assert await listed(service) == []
    await create(service)

    (after,) = (await service.ledger.tenants.get("tnt_a")).providers
    assert (after.name, after.version) == (before.name, before.version)
    assert after.reference != before.reference


async def test_another_tenant_sees_and_changes_nothing(service: Service) -> None:
    created = await create(service)
    for method, path, body in (
        ("GET", f"{READ_PATH}/{created['id']}", None),
        ("PUT", f"{WRITE_PATH}/{created['id']}", {"is_active": False}),
        ("PUT", f"{WRITE_PATH}/{created['id']}", {"config": "{}", "x": 1}),
        ("DELETE", f"{WRITE_PATH}/{created['id']}", None),
    ):
        answer = await call(service, method, path, body, tenant="tnt_b")
        assert (answer.status_code, answer.json()["message"]) == (404, "provider not found")

    assert (await call(service, "GET", READ_PATH, tenant="tnt_b")).json()["items"] == []
    assert (await call(service, "POST", WRITE_PATH, GATEWAY, tenant="tnt_b")).status_code == 201
    assert (await service.get(f"{READ_PATH}/{created['id']}", a_token(READ))).json()["data"] == created


async def test_of_many_creations_at_once_each_counts_or_is_refused(service: Service) -> None:
    config = json.dumps({"kind": "http", "url": URL, "concurrency": 1})
    bodies = [{**GATEWAY, "provider": f"p{number % 4}", "config": config} for number in range(12)]

    answers = await asyncio.gather(*(call(service, "POST", WRITE_PATH, body) for body in bodies))

    assert sorted(answer.status_code for answer in answers).count(201) == 3
    assert {answer.status_code for answer in answers} <= {201, 403, 409}
    assert len(set(await listed(service))) == 3


async def test_a_configuration_that_no_key_opens_is_left_out_and_can_be_replaced(service: Service) -> None:
    created = await create(service)
    (stored,) = (await service.ledger.tenants.get("tnt_a")).providers
    lost = Sealer([("lost", bytes(32))]).seal(b"{}", "x")
    await service.ledger.tenants.put_providers("tnt_a", (stored._replace(sealed=lost),), 1)

    read = await call(service, "GET", f"{READ_PATH}/{created['id']}")
    second = await call(service, "POST", WRITE_PATH, {**GATEWAY, "provider": "second"})
    again = await call(service, "PUT", f"{WRITE_PATH}/{created['id']}", {"config": CONFIG, "priority": 3})

    assert "config" not in read.json()["data"]
    assert second.status_code == 503
    assert second.json()["message"].startswith("the configuration of gateway cannot be opened")
    assert again.json()["data"]["config"] == created["config"]
    (stored,) = (await service.ledger.tenants.get("tnt_a")).providers
    assert (stored.version, stored.priority) == (2, 3)
