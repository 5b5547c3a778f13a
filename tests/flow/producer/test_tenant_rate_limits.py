"""Limits of a tenant, read over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ledger.provider_states import ProviderState
from ledger.tenant_port import StoredProvider
from schemas.statuses import Channel
from schemas.tenant_settings import ChannelLimits, TenantLimits, TenantSettings
from tests.support.service import NOON, Service, a_service, a_token

LIMITS, ADMIN_LIMITS = "/communication/rate-limits", "/admin/communication/rate-limits"
READ, ADMIN = "communication:read", "communication:admin"
OWN = TenantLimits(sms=ChannelLimits(max_per_min=60, max_per_hour=5_000), email=ChannelLimits(max_per_day=9))


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_service(tenant_sms_max_per_min=100, tenant_sms_max_per_hour=1_000) as service:
        await service.ledger.tenants.put("tnt_a", TenantSettings(limits=OWN), 0)
        yield service


async def body(service: Service, path: str, scope: str = READ, **changes: Any) -> dict[str, Any]:
    answer = await service.get(path, a_token(scope, **changes))
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


async def test_the_limits_in_effect_are_shown_by_channel(service: Service) -> None:
    assert await body(service, LIMITS) == {
        "code": 200,
        "message": "ok",
        "timestamp": "2026-04-15T12:00:00.001234Z",
        "data": {
            "sms": {"max_per_min": 60, "max_per_hour": 1_000, "tenant_id": "tnt_a"},
            "email": {"max_per_day": 9, "tenant_id": "tnt_a"},
        },
    }


async def test_the_first_provider_of_the_channel_is_named(service: Service) -> None:
    providers = [ProviderState("aliyun", Channel.SMS), ProviderState("tencent", Channel.SMS)]
    await service.ledger.provider_states.report("consumer", providers)
    data = (await body(service, LIMITS))["data"]
    assert (data["sms"]["provider"], data["email"].get("provider")) == ("aliyun", None)


async def test_the_first_own_provider_of_a_tenant_is_named(service: Service) -> None:
    own = StoredProvider("prv_1", "second", Channel.SMS, 5, True, 1, b"", NOON, NOON)
    first = own._replace(id="prv_2", name="first", priority=1)
    await service.ledger.tenants.put_providers("tnt_a", (own, first, first._replace(is_active=False, priority=0)), 1)
    await service.ledger.provider_states.report("consumer", [ProviderState("aliyun", Channel.SMS)])
    assert (await body(service, LIMITS))["data"]["sms"]["provider"] == "first"
    assert (await body(service, LIMITS, tenant="tnt_b"))["data"]["sms"]["provider"] == "aliyun"


async def test_a_tenant_without_settings_has_the_bounds_of_the_operator(service: Service) -> None:
    assert (await body(service, LIMITS, tenant="tnt_b"))["data"] == {
        "sms": {"max_per_min": 100, "max_per_hour": 1_000, "tenant_id": "tnt_b"},
        "email": {"tenant_id": "tnt_b"},
    }


async def test_a_channel_is_a_filter(service: Service) -> None:
    assert set((await body(service, f"{LIMITS}?channel=email"))["data"]) == {"email"}


async def test_the_route_of_the_administrator_shows_the_same(service: Service) -> None:
    assert await body(service, ADMIN_LIMITS, ADMIN) == await body(service, LIMITS)


@pytest.mark.parametrize("path", [LIMITS, ADMIN_LIMITS])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("channel=push", "channel: "),
        ("channel=sms&channel=email", "channel: is given twice"),
        ("tenant=tnt_b", "(unknown): is not a parameter of this route. Its parameters are channel."),
    ],
)
async def test_a_wrong_parameter_is_a_400(service: Service, path: str, query: str, message: str) -> None:
    answer = await service.get(f"{path}?{query}", a_token(ADMIN))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)


@pytest.mark.parametrize(
    ("path", "scope"), [(LIMITS, "communication:send"), (ADMIN_LIMITS, READ), (ADMIN_LIMITS, "communication:send")]
)
async def test_a_token_without_the_scope_is_refused(service: Service, path: str, scope: str) -> None:
    assert (await service.client.get(path)).status_code == 401
    assert (await service.get(path, a_token(scope))).status_code == 403
