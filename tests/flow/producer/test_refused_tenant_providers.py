"""Calls for own providers that are refused. Each is named in full, and no message and no log line shows a value."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest
import structlog
from typing_extensions import override

from ledger.errors import LedgerRefused
from ledger.memory.store import Store
from ledger.memory.tenant_store import MemoryTenants
from ledger.tenant_port import StoredProvider, StoredTenant
from tests.flow.producer.own_providers import (
    ADMIN,
    GATEWAY,
    MAIL,
    READ,
    READ_PATH,
    SECRET,
    SEND,
    URL,
    WRITE_PATH,
    a_small_service,
    call,
    create,
    listed,
)
from tests.support.service import GOOD, Service, a_token


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_small_service() as service:
        yield service


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
                "provider: must have 1 to 64 letters, digits and . _ -. config.url: must be a URL of http"
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
        ({**GATEWAY, "config": '{"kind": "http", "url": "http://2130706433/"}'}, "config.url: must be a public"),
        (
            {"channel": "email", "provider": "smtp", "config": '{"sender": "a@example.org", "host": "fd00::1"}'},
            "config.host: must be a public address",
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


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (f"{WRITE_PATH}/x", "DELETE, PUT"),
        (WRITE_PATH, "POST"),
        (READ_PATH, "GET"),
        ("/communication/bulk", "POST"),
        ("/communication/logs/search", "POST"),
    ],
)
async def test_another_method_is_refused_with_those_of_the_path(service: Service, path: str, allowed: str) -> None:
    answer = await service.client.request("PATCH", path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


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


class NewerTenants(MemoryTenants):
    """Store in which a newer version wrote what this one cannot read."""

    @override
    async def get(self, tenant_id: str) -> StoredTenant:
        raise LedgerRefused(tenant_id)


async def test_what_a_newer_version_wrote_is_a_503_and_a_named_provider_is_left_to_the_consumer(
    service: Service,
) -> None:
    service.ledger.tenants = NewerTenants(Store(service.ledger.now))

    for method, path, body in (
        ("GET", READ_PATH, None),
        ("POST", WRITE_PATH, GATEWAY),
        ("DELETE", f"{WRITE_PATH}/x", None),
    ):
        answer = await call(service, method, path, body)
        assert answer.status_code == 503
        assert answer.json()["message"] == "the settings of this tenant cannot be read by this version of rollcall"
    assert (await service.send({**GOOD, "provider": "gateway"})).status_code == 200
