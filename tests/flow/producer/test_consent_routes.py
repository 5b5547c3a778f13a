"""Routes for consents: what is recorded, shown and withdrawn, and what a consumer does with it."""

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from ledger.tenant_key import SETTLING
from producer.suppressions.routes import MAX_BODY_BYTES
from schemas.tenant_settings import RequiredConsent, TenantSettings
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD, Service, a_token

PATH, MANAGE = "/communication/consents", "communication:consents"
MAIL = {"channel": "email", "recipient": "Ann.Lee@example.com"}
MARKETING = {**MAIL, "category": "marketing"}
GIVEN = {**MARKETING, "way": "web-form", "text_version": "2026-01"}
AT = "2026-04-15T12:00:00.001000Z"


async def call(
    service: Service, method: str, path: str = "", body: Any = None, *scopes: str, tenant: str = "tnt_a"
) -> httpx.Response:
    token = a_token(*(scopes or (MANAGE,)), tenant=tenant)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    content = orjson.dumps(body) if body is not None else None
    return await service.client.request(method, PATH + path, content=content, headers=headers)


async def record(service: Service, **changes: Any) -> dict[str, Any]:
    answer = await call(service, "POST", "", {**GIVEN, **changes})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def items(service: Service, method: str = "GET", path: str = "", body: Any = None) -> list[dict[str, Any]]:
    answer = await call(service, method, path, body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_consent_is_recorded_and_shown_with_a_masked_address() -> None:
    async with ServiceAndConsumer() as both:
        recorded = await record(both.service, given_at="2026-01-31T09:00:00+01:00")
        found = await items(both.service, "POST", "/search", MAIL)
        listed = await items(both.service)

    assert recorded == {
        "channel": "email",
        "recipient": "A***@example.com",
        "category": "marketing",
        "in_force": True,
        "given_at": "2026-01-31T08:00:00Z",
        "way": "web-form",
        "text_version": "2026-01",
    }
    assert found == listed == [recorded]


async def test_a_consent_is_withdrawn_and_given_again() -> None:
    async with ServiceAndConsumer() as both:
        await record(both.service, given_at="2026-01-31T09:00:00Z")
        withdrawn = (await call(both.service, "POST", "/withdraw", MARKETING)).json()
        old = await record(both.service, given_at="2026-02-01T09:00:00Z", way="call")
        both.service.clock.now += timedelta(seconds=1)
        new = await record(both.service, way="form-2")

    assert (withdrawn["data"]["in_force"], withdrawn["data"]["withdrawn_at"]) == (False, AT)
    assert (old["in_force"], old["way"]) == (False, "call")
    assert (new["in_force"], new["way"], new["withdrawn_at"]) == (True, "form-2", AT)


async def test_a_withdrawal_of_an_address_without_a_consent_is_recorded() -> None:
    async with ServiceAndConsumer() as both:
        answer = (await call(both.service, "POST", "/withdraw", MARKETING)).json()
        assert answer["data"]["in_force"] is False
        assert "given_at" not in answer["data"]
        assert len(await items(both.service)) == 1


async def test_a_tenant_without_records_has_none_and_sees_those_of_no_other() -> None:
    async with ServiceAndConsumer() as both:
        assert await items(both.service) == await items(both.service, "POST", "/search", MAIL) == []
        await record(both.service)
        other = await call(both.service, "GET", tenant="tnt_b")
        assert other.json()["items"] == []


async def test_pages_follow_each_other() -> None:
    async with ServiceAndConsumer() as both:
        for number in range(5):
            await record(both.service, recipient=f"p{number}@example.com")
        await record(both.service, channel="sms", recipient="+8613800138000")
        seen, after = [], ""
        while after is not None:
            page = (await call(both.service, "GET", f"?channel=email&page_size=2{after}")).json()
            seen += [item["recipient"] for item in page["items"]]
            after = f"&after={page['next']}" if "next" in page else None
        assert len(seen) == 5
        assert len(await items(both.service)) == 6


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**GIVEN, "given_at": "2999-01-01T00:00:00Z"}, "given_at: must not be in the future"),
        ({**GIVEN, "category": "news"}, "category: "),
        ({**GIVEN, "way": "ann@example.com"}, "way: "),
        ({**GIVEN, "recipient": "ann"}, "recipient: the address "),
        ({name: value for name, value in GIVEN.items() if name != "text_version"}, "text_version: "),
        ({**GIVEN, "colour": "red"}, "(unknown): "),
    ],
)
async def test_a_wrong_body_is_refused_with_its_field_and_without_its_value(body: Any, message: str) -> None:
    async with ServiceAndConsumer() as both:
        answer = await call(both.service, "POST", "", body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
    assert "ann" not in answer.json()["message"]


async def test_a_body_about_one_address_is_small() -> None:
    async with ServiceAndConsumer() as both:
        answer = await call(both.service, "POST", "", {**GIVEN, "way": "x" * MAX_BODY_BYTES})
        long = await call(both.service, "POST", "", {**GIVEN, "way": "x" * 65})
    assert (answer.status_code, long.status_code) == (413, 400)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("POST", "/search"), ("POST", "/withdraw")])
async def test_each_route_needs_its_scope(method: str, path: str) -> None:
    async with ServiceAndConsumer() as both:
        answer = await call(both.service, method, path, GIVEN, "communication:send", "communication:suppressions")
    assert answer.status_code == 403


async def test_a_recorded_consent_lets_a_message_through_and_a_withdrawn_one_does_not() -> None:
    async with ServiceAndConsumer() as both:
        settings = TenantSettings(consent_required=RequiredConsent(marketing=True))
        await both.world.ledger.tenants.put("tnt_a", settings, 0)
        for number in ("+8613800138000", "+8613900139000"):
            await record(both.service, channel="sms", recipient=number)
        await call(both.service, "POST", "/withdraw", {**MARKETING, "channel": "sms", "recipient": "+8613900139000"})
        both.world.pass_time(SETTLING.total_seconds())
        await both.send({**GOOD, "recipients": ["13800138000", "13900139000"], "category": "marketing"})
        await both.consume()
        (request_id,) = {event["request_id"] for event in both.world.events("request.accepted")}
        logs = await both.world.logs(request_id, "tnt_a")

    assert [(log.status.value, log.reason) for log in logs] == [("sent", None), ("suppressed", "no_consent")]


async def test_a_consent_whose_address_was_erased_is_listed_without_it_and_withdrawn() -> None:
    async with ServiceAndConsumer() as both:
        await record(both.service)
        consents = both.service.ledger.consents
        (stored,) = await consents.list_range("", "~", 10)
        await consents.erase_addresses([stored.id], both.service.clock.now)

        (listed,) = await items(both.service)

    assert (listed["recipient"], listed["in_force"]) == ("(erased)", False)
