"""Rules of a tenant for marketing e-mail, as far as the HTTP service can check them."""

from typing import Any

import pytest

from ledger.marketing_policy import LACKS_POSTAL_ADDRESS
from ledger.provider_states import ProviderState
from ledger.tenant_port import StoredProvider
from schemas.statuses import Channel
from schemas.tenant_settings import MarketingPolicy, TenantSettings
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD, NOON, Service, a_service, gateway_without_mongodb

ADDRESS = "Example Ltd, 1 Main Street, Oslo"
MAIL: dict[str, Any] = {
    "channel": "email",
    "subject": "Hi",
    "content": "Hello",
    "category": "marketing",
    "recipients": ["anna@example.com"],
}
WITH, WITHOUT = (ProviderState("post", Channel.EMAIL, None, None, has) for has in (True, False))


async def answer(service: Service, policy: MarketingPolicy, *states: ProviderState, **fields: Any) -> tuple[int, str]:
    """Return the status of a request, and the message up to its first comma."""
    await service.ledger.tenants.put("tnt_a", TenantSettings(marketing=policy), 0)
    await service.ledger.provider_states.report("consumer", states)
    response = await service.send({**MAIL, **fields})
    return response.status_code, response.json()["message"].partition(",")[0]


OPT_OUT = MarketingPolicy(require_opt_out=True)
ACCEPTED = (200, "accepted")
REFUSED = (400, "content: must have {{unsubscribe_url}}")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, REFUSED),
        ({"content": "{{unsubscribe_url}}", "variables": {"unsubscribe_url": "https://own.example"}}, ACCEPTED),
        ({"category": "transactional"}, ACCEPTED),
        ({"provider": "post"}, REFUSED),
    ],
)
async def test_marketing_mail_without_an_opt_out_is_a_400(fields: dict[str, Any], expected: tuple[int, str]) -> None:
    async with a_service() as service:
        assert await answer(service, OPT_OUT, WITHOUT, **fields) == expected


@pytest.mark.parametrize("states", [[], [WITH], [WITHOUT, WITH], [WITHOUT._replace(has_unsubscribe_uri=None)]])
async def test_the_consumer_decides_if_a_provider_may_have_a_uri(states: list[ProviderState]) -> None:
    async with a_service() as service:
        assert await answer(service, OPT_OUT, *states) == ACCEPTED


async def test_the_consumer_decides_about_own_providers_of_the_tenant() -> None:
    async with a_service() as service:
        own = StoredProvider("prv_1", "own", Channel.EMAIL, 5, True, 1, b"", NOON, NOON)
        await service.ledger.tenants.put("tnt_a", TenantSettings(marketing=OPT_OUT), 0)
        await service.ledger.tenants.put_providers("tnt_a", [own], 1)
        await service.ledger.provider_states.report("consumer", [WITHOUT])
        assert (await service.send(MAIL)).status_code == 200


async def test_a_public_url_gives_each_mail_its_opt_out() -> None:
    async with a_service(public_url="https://mail.example.org") as service:
        assert await answer(service, OPT_OUT, WITHOUT) == ACCEPTED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (400, f"content: {LACKS_POSTAL_ADDRESS}")),
        ({"content": f"<p>Hello</p><p>{ADDRESS}</p>"}, ACCEPTED),
        ({"channel": "sms", "recipients": ["13800138000"]}, ACCEPTED),
    ],
)
async def test_marketing_mail_without_the_postal_address_is_a_400(
    fields: dict[str, Any], expected: tuple[int, str]
) -> None:
    async with a_service() as service:
        assert await answer(service, MarketingPolicy(postal_address=ADDRESS), **fields) == expected


async def test_without_mongodb_the_consumer_decides() -> None:
    async with a_service(gateway=gateway_without_mongodb()) as service:
        assert (await service.send(MAIL)).status_code == 200


async def test_only_marketing_mail_reads_the_settings_and_does_so_once_in_some_seconds() -> None:
    reads = []
    async with a_service() as service:
        tenants = service.ledger.tenants
        read = tenants.get

        async def counted(tenant_id: str) -> Any:
            reads.append(tenant_id)
            return await read(tenant_id)

        tenants.get = counted  # type: ignore[method-assign]  # the store counts its reads
        await service.send(GOOD)
        await service.send({**MAIL, "category": "transactional"})
        assert reads == []
        for _ in range(3):
            await service.send(MAIL)
        assert reads == ["tnt_a"]


@pytest.mark.parametrize(
    ("public_url", "status", "message"),
    [
        ("https://mail.example.org", 200, "accepted"),
        (None, 400, "recipients[0].variables.unsubscribe_url: is used in content. Give it here or in `variables`."),
    ],
)
async def test_a_text_may_name_the_link_if_the_service_makes_links(
    public_url: str | None, status: int, message: str
) -> None:
    async with a_service(public_url=public_url) as service:
        response = await service.send({**GOOD, "content": "Out: {{unsubscribe_url}}"})
        assert (response.status_code, response.json()["message"]) == (status, message)


async def test_no_answer_shows_the_link() -> None:
    async with ServiceAndConsumer(public_url="https://mail.example.org") as both:
        response = await both.send({**MAIL, "content": '<a href="{{unsubscribe_url}}">out</a>'})
        assert [item["content"] for item in response.json()["items"]] == ['<a href="***">out</a>']
