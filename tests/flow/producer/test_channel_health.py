"""State of a channel: what anyone may know, and what a reader may know."""

from typing import Any

import pytest

from ledger.provider_states import REPORT_SECONDS, ProviderState
from ledger.tenant_port import StoredProvider
from schemas.statuses import Channel
from tests.support.service import NOON, a_service, a_token

HEALTH = "/communication/health"
GOOD, ALSO_GOOD = ProviderState("good", Channel.SMS), ProviderState("also-good", Channel.SMS)
BAD, POST = ProviderState("bad", Channel.SMS, "HTTP 503"), ProviderState("post", Channel.EMAIL, "login refused")


async def health(reports: list[list[ProviderState]], token: str | None = None) -> dict[str, Any]:
    """Return the state of SMS after these reports, each of another consumer."""
    async with a_service() as service:
        for number, states in enumerate(reports):
            await service.ledger.provider_states.report(f"consumer-{number}", states)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await service.client.get(f"{HEALTH}/sms", headers=headers)
        assert answer.status_code == 200
        return answer.json()["data"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        ([], "down"),
        ([[POST]], "down"),
        ([[GOOD, POST]], "up"),
        ([[GOOD, BAD]], "degraded"),
        ([[BAD]], "down"),
        ([[BAD], [BAD._replace(problem=None)]], "up"),
    ],
)
async def test_a_caller_without_a_token_learns_the_status_alone(
    reports: list[list[ProviderState]], status: str
) -> None:
    assert await health(reports) == {"channel": "sms", "status": status, "provider": "", "message": ""}


async def test_a_reader_learns_the_names_and_what_fails() -> None:
    found = await health([[GOOD, BAD, POST], [GOOD, ALSO_GOOD, BAD]], a_token("communication:read"))
    assert found["provider"] == "good, bad, also-good"
    assert found["message"] == "bad: HTTP 503"


OWN = StoredProvider("prv_1", "shop", Channel.SMS, 5, True, 2, b"", NOON, NOON)
FAILING = ProviderState("shop@prv_1.2", Channel.SMS, "login refused", ("tnt_a",))


@pytest.mark.parametrize(
    ("own", "reports", "expected"),
    [
        ((OWN,), [], ("up", "shop", "")),
        ((OWN,), [FAILING], ("down", "shop", "shop: login refused")),
        ((OWN, OWN._replace(id="prv_2", name="b")), [FAILING, BAD], ("degraded", "shop, b", "shop: login refused")),
        ((OWN._replace(version=3),), [FAILING], ("up", "shop", "")),
        ((OWN._replace(is_active=False),), [FAILING, GOOD], ("up", "good", "")),
        ((OWN._replace(channel=Channel.EMAIL),), [BAD], ("down", "bad", "bad: HTTP 503")),
    ],
)
async def test_a_tenant_with_own_providers_learns_of_those_alone(
    own: tuple[StoredProvider, ...], reports: list[ProviderState], expected: tuple[str, str, str]
) -> None:
    async with a_service() as service:
        await service.ledger.tenants.put_providers("tnt_a", own, 0)
        await service.ledger.provider_states.report("consumer", reports)
        mine = (await service.get(f"{HEALTH}/sms", a_token("communication:read"))).json()["data"]
        theirs = (await service.get(f"{HEALTH}/sms", a_token("communication:read", tenant="tnt_b"))).json()["data"]

    assert (mine["status"], mine["provider"], mine["message"]) == expected
    assert "shop" not in f"{theirs['provider']} {theirs['message']}"


async def test_the_own_providers_of_a_tenant_say_nothing_to_a_caller_without_a_token() -> None:
    assert (await health([[GOOD, FAILING]]))["status"] == "up"
    assert (await health([[FAILING._replace(problem=None)]]))["status"] == "down"


async def test_a_wrong_channel_and_a_wrong_token_are_refused() -> None:
    async with a_service() as service:
        assert (await service.client.get(f"{HEALTH}/push")).status_code == 400
        assert (await service.get(f"{HEALTH}/sms", "no token")).status_code == 401
        assert (await service.get(f"{HEALTH}/sms", a_token("communication:send"))).status_code == 403


async def test_many_calls_ask_the_ledger_once_in_some_seconds() -> None:
    async with a_service() as service:
        for states, status in (([GOOD], "up"), ([BAD], "up")):
            await service.ledger.provider_states.report("consumer", states)
            assert (await service.client.get(f"{HEALTH}/sms")).json()["data"]["status"] == status
        service.clock.monotonic += REPORT_SECONDS
        assert (await service.client.get(f"{HEALTH}/sms")).json()["data"]["status"] == "down"
