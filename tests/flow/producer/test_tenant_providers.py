"""Providers that a tenant manages itself, over HTTP."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import orjson
import pytest
import structlog
from typing_extensions import override

from ledger.memory.store import Store
from ledger.memory.tenant_store import MemoryTenants
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider
from tests.support.service import Service, a_service, a_token

READ_PATH, WRITE_PATH = "/communication/providers", "/admin/communication/providers"
READ, ADMIN, SEND = "communication:read", "communication:admin", "communication:send"
SECRET = "Very-Secret-58"
URL = "https://gateway.example/send"
CONFIG = json.dumps({"kind": "http", "url": URL, "bearer_token": SECRET})
GATEWAY = {"channel": "sms", "provider": "gateway", "config": CONFIG}
MAIL = json.dumps({"host": "mail.example", "sender": "shop@example.org"})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_service(tenant_max_providers=3, tenant_max_connections=30) as service:
        service.clock.random_bytes = os.urandom
        yield service


async def call(
    service: Service, method: str, path: str, body: Any = None, *, scope: str = ADMIN, tenant: str = "tnt_a"
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {a_token(scope, tenant=tenant)}", "Content-Type": "application/json"}
    content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
    return await service.client.request(method, path, content=content, headers=headers)


async def create(service: Service, **changes: Any) -> dict[str, Any]:
    answer = await call(service, "POST", WRITE_PATH, {**GATEWAY, **changes})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def listed(service: Service, query: str = "") -> list[str]:
    answer = await call(service, "GET", READ_PATH + query, scope=READ)
    assert answer.status_code == 200
    return [item["provider"] for item in answer.json()["items"]]


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


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("channel=push", "channel: input should be 'sms' or 'email'"),
        ("is_active=yes", "is_active: input should be a valid boolean"),
        ("page=0", "page: "),
        ("page_size=101", "page_size: "),
        ("page=1&page=2", "page: is given twice"),
        ("tenant=tnt_b", "(unknown): is not a parameter of this route. Its parameters are channel, is_active, page"),
    ],
)
async def test_a_wrong_parameter_of_the_list_is_a_400(service: Service, query: str, message: str) -> None:
    answer = await call(service, "GET", f"{READ_PATH}?{query}", scope=READ)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)


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


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", READ_PATH),
        ("GET", f"{READ_PATH}/x"),
        ("POST", WRITE_PATH),
        ("PUT", f"{WRITE_PATH}/x"),
        ("DELETE", f"{WRITE_PATH}/x"),
    ],
)
async def test_a_token_without_the_scope_is_refused(service: Service, method: str, path: str) -> None:
    scopes = [SEND] if path.startswith(READ_PATH) else [SEND, READ]
    for scope in scopes:
        assert (await call(service, method, path, {}, scope=scope)).status_code == 403
    assert (await service.client.request(method, path)).status_code == 401
    assert (await call(service, method, f"{path}?tenant=tnt_b", {})).status_code == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**GATEWAY, "channel": "push"}, "channel: input should be 'sms' or 'email'"),
        (
            {"channel": "push", "provider": "g@w", "config": '{"url": "x", "kind": "http"}', "priority": "high"},
            (
                "channel: input should be 'sms' or 'email'. priority: input should be a valid integer. "
                "provider: string should match pattern '^[A-Za-z0-9._-]{1,64}$'. config.url: must be a URL of http"
            ),
        ),
        (
            {**GATEWAY, "config": json.dumps({"kind": "http", "bearer_token": "***", "ca_file": "/etc/passwd"})},
            (
                "config.ca_file: must not be given. It names a file, and only the operator has files. "
                "config.bearer_token: must be the secret itself. An answer shows *** in place of it. "
                "config.url: is required"
            ),
        ),
        ({"tenant_id": "tnt_b"}, "channel: is required. config: is required. provider: is required. (unknown): is not"),
        ({**GATEWAY, "config": {"kind": "http"}}, "config: input should be a valid string"),
        ({**GATEWAY, "config": "x" * 8_193}, "config: must have at most 8,192 characters"),
        ({**GATEWAY, "priority": 10**7}, "priority: input should be less than or equal to 1000000"),
        ({**GATEWAY, "config": MAIL, "provider": "smtp"}, "channel: must be email, because a provider of this kind"),
        (b'{"channel": "sms", "channel": "email", ' + orjson.dumps(GATEWAY)[1:], "channel: is given twice"),
        (b'{"priority": NaN, ' + orjson.dumps(GATEWAY)[1:], "priority: input should be a"),
        (b'{"priority": ' + b"9" * 60_000 + b"}", "the body is not JSON"),
        (b'{"provider": "\\ud800"}', "the body is not JSON"),
        (b"[" * 60_000, "the body is not JSON"),
        (b"[]", "the body is not an object"),
        (b"", "the body is not JSON"),
    ],
)
async def test_a_wrong_body_is_refused_with_all_that_is_wrong(service: Service, body: Any, message: str) -> None:
    answer = await call(service, "POST", WRITE_PATH, body)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
    assert (await service.ledger.tenants.get("tnt_a")).version == 0


async def test_a_wrong_change_is_refused_with_all_that_is_wrong(service: Service) -> None:
    path = f"{WRITE_PATH}/{(await create(service))['id']}"
    both = {"config": json.dumps({"kind": "http", "url": URL, "headers": {"A": "***"}}), "is_active": "yes"}
    for body, message in (
        (both, "is_active: input should be a valid boolean. config.headers.(unknown): must be the secret itself"),
        ({"config": json.dumps({"kind": "simulator"})}, "config.kind: must be one of http"),
        ({"provider": "other"}, "(unknown): is not a field of this body"),
        ({"config": '{"kind": "http", "url": "https://a.example/${X}"}'}, "config.url: must not refer to a variable"),
    ):
        answer = await call(service, "PUT", path, body)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(message)
    assert (await service.ledger.tenants.get("tnt_a")).version == 1


async def test_a_body_that_is_large_or_no_json_is_refused(service: Service) -> None:
    answer = await call(service, "POST", WRITE_PATH, b" " * (64 * 1024 + 1))
    assert answer.status_code == 413
    headers = {"Authorization": f"Bearer {a_token(ADMIN)}", "Content-Type": "text/plain"}
    assert (await service.client.post(WRITE_PATH, content=b"{}", headers=headers)).status_code == 415
    longest = "".join(f"\\u{ord(character):04x}" for character in json.dumps({"url": URL + "x" * 8_000}))
    body = f'{{"channel": "sms", "provider": "http", "config": "{longest}"}}'.encode()
    assert (await call(service, "POST", WRITE_PATH, body)).status_code == 201


async def test_a_second_provider_of_one_channel_and_name_is_a_409(service: Service) -> None:
    await create(service)

    answer = await call(service, "POST", WRITE_PATH, GATEWAY)
    assert answer.status_code == 409
    assert answer.json()["message"] == "provider: there is a provider of sms with this name already"
    await create(service, channel="email")


async def test_more_than_the_operator_allows_is_a_403(service: Service) -> None:
    config = {"kind": "http", "url": URL}
    first = await create(service, config=json.dumps({**config, "concurrency": 20}))
    answers = [
        await call(service, "POST", WRITE_PATH, {**GATEWAY, "provider": "b", "config": json.dumps({**config, **more})})
        for more in ({"concurrency": 11}, {"concurrency": 9})
    ]
    grown = await call(
        service, "PUT", f"{WRITE_PATH}/{first['id']}", {"config": json.dumps({**config, "concurrency": 22})}
    )
    await create(service, provider="c", config=json.dumps({**config, "concurrency": 1}))
    fourth = await call(service, "POST", WRITE_PATH, {**GATEWAY, "provider": "d"})

    assert [answer.status_code for answer in (*answers, grown, fourth)] == [403, 201, 403, 403]
    assert answers[0].json()["message"] == (
        "all own providers of a tenant may have at most 30 connections, and these would be 31. "
        "Give `concurrency` (smtp: `connections`) in each configuration."
    )
    assert fourth.json()["message"] == "a tenant may have at most 3 providers of its own"
    assert len(await listed(service)) == 3


async def test_of_many_creations_at_once_each_counts_or_is_refused(service: Service) -> None:
    config = json.dumps({"kind": "http", "url": URL, "concurrency": 1})
    bodies = [{**GATEWAY, "provider": f"p{number % 4}", "config": config} for number in range(12)]

    answers = await asyncio.gather(*(call(service, "POST", WRITE_PATH, body) for body in bodies))

    assert sorted(answer.status_code for answer in answers).count(201) == 3
    assert {answer.status_code for answer in answers} <= {201, 403, 409}
    assert len(set(await listed(service))) == 3


class BusyTenants(MemoryTenants):
    """Store in which another change always comes first."""

    @override
    async def put_providers(self, tenant_id: str, providers: Sequence[StoredProvider], version: int) -> bool:
        return False


async def test_a_change_that_never_comes_first_ends(service: Service) -> None:
    service.ledger.tenants = BusyTenants(Store(service.ledger.now))

    answer = await call(service, "POST", WRITE_PATH, GATEWAY)
    assert answer.status_code == 503
    assert answer.json()["message"].startswith("the settings of this tenant change too often")


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


async def test_no_secret_and_no_name_of_a_file_is_in_a_log_line(service: Service) -> None:
    with structlog.testing.capture_logs() as lines:
        created = await create(service)
        for body in ({"config": f'{{"kind": "http", "url": "{SECRET}"}}'}, {SECRET: SECRET}, {"config": SECRET}):
            answer = await call(service, "PUT", f"{WRITE_PATH}/{created['id']}", body)
            assert answer.status_code == 400
            assert SECRET not in answer.text
        await call(service, "POST", WRITE_PATH, {**GATEWAY, "channel": SECRET, "provider": f"{SECRET}@"})

    assert lines
    assert SECRET not in str(lines)
