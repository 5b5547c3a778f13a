"""Rules of a tenant for marketing e-mail, as the consumer checks them."""

from dataclasses import replace
from typing import Any

import pytest

from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS
from core.routes import Route, RouteRule, Routes, Target
from schemas.statuses import Category, Channel
from schemas.tenant_settings import MarketingPolicy, TenantSettings
from tests.flow.consumer.own_providers import Tenant
from tests.flow.world import RecordingProvider, World

ADDRESS = "Example Ltd, 1 Main Street, Oslo"
MAIL: dict[str, Any] = {"channel": "email", "subject": "Hi", "content": "Hello", "category": "marketing"}
NEWS, NOTICES = RecordingProvider("news", Channel.EMAIL), RecordingProvider("notices", Channel.EMAIL)


async def a_world(policy: MarketingPolicy, *providers: RecordingProvider, with_uri: str = "") -> World:
    world = World(*providers)
    world.with_unsubscribe_uri = frozenset(with_uri.split())
    await set_policy(world, policy)
    return world


async def set_policy(world: World, policy: MarketingPolicy) -> None:
    stored = await world.ledger.tenants.get("t1")
    await world.ledger.tenants.put("t1", TenantSettings(marketing=policy), stored.version)
    world.pass_time(MAX_AGE_SECONDS)


async def refusal(world: World, **fields: Any) -> tuple[str, list[str]] | None:
    """Return the reason and the fields of the rejection of a marketing e-mail, or None if it was accepted."""
    await world.expand(world.record("anna@example.com", **{**MAIL, **fields}))
    rejected = world.events("request.rejected")
    return (rejected[0]["reason"], rejected[0]["fields"]) if rejected else None


OPT_OUT = MarketingPolicy(require_opt_out=True)
REFUSED = ("tenant_policy", ["content"])


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, REFUSED),
        ({"content": "Out: {{unsubscribe_url}}", "variables": {"unsubscribe_url": "https://own.example"}}, None),
        ({"category": "transactional"}, None),
        ({"channel": "sms", "recipients": ["13800138000"]}, None),
    ],
)
async def test_marketing_mail_without_an_opt_out_is_refused(
    fields: dict[str, Any], answer: tuple[str, list[str]] | None
) -> None:
    assert await refusal(await a_world(OPT_OUT), **fields) == answer


@pytest.mark.parametrize("policy", [MarketingPolicy(), MarketingPolicy(require_opt_out=False)])
async def test_a_tenant_without_the_rule_is_not_asked_for_an_opt_out(policy: MarketingPolicy) -> None:
    assert await refusal(await a_world(policy)) is None


async def test_a_public_url_gives_each_mail_its_opt_out() -> None:
    world = await a_world(OPT_OUT)
    world.limits = replace(world.limits, public_url="https://mail.example.org")
    assert await refusal(world) is None


@pytest.mark.parametrize(
    ("with_uri", "fields", "answer"),
    [
        ("news notices", {}, None),
        ("news", {}, REFUSED),
        ("news", {"provider": "news"}, None),
        ("news", {"provider": "notices"}, REFUSED),
    ],
)
async def test_each_provider_that_may_send_must_have_a_uri(
    with_uri: str, fields: dict[str, Any], answer: tuple[str, list[str]] | None
) -> None:
    assert await refusal(await a_world(OPT_OUT, NEWS, NOTICES, with_uri=with_uri), **fields) == answer


async def test_a_provider_that_the_route_leaves_out_needs_no_uri() -> None:
    world = await a_world(OPT_OUT, NEWS, NOTICES, with_uri="news")
    rule = RouteRule(Channel.EMAIL, Route((Target("news"),)), category=Category.MARKETING)
    world.routes = Routes([rule])
    assert await refusal(world) is None


@pytest.mark.parametrize(("uri", "answer"), [("mailto:out@example.org", None), (None, REFUSED)])
async def test_an_own_provider_of_the_tenant_counts_alone(uri: str | None, answer: object) -> None:
    world = await a_world(OPT_OUT, NEWS, with_uri="news")
    entry = {"channel": Channel.EMAIL, "kind": "smtp", "host": "mail.example.org", "list_unsubscribe": uri}
    await Tenant(world).put("own", "us@example.org", **entry)
    assert await refusal(world) == answer


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, REFUSED),
        ({"content": f"Hello\n{ADDRESS}"}, None),
        ({"content": "{{a}}", "variables": {"a": ADDRESS}}, None),
        ({"category": "transactional"}, None),
    ],
)
async def test_marketing_mail_without_the_postal_address_is_refused(fields: dict[str, Any], answer: object) -> None:
    assert await refusal(await a_world(MarketingPolicy(postal_address=ADDRESS)), **fields) == answer


async def test_the_template_is_named_if_the_text_comes_from_it() -> None:
    world = await a_world(MarketingPolicy(postal_address=ADDRESS))
    await world.ledger.templates.put("t1", "news", "Hello", "Hi")
    assert await refusal(world, template="news", content="") == ("tenant_policy", ["template"])


async def test_a_request_that_was_accepted_before_the_rule_is_sent_and_may_be_repeated() -> None:
    world = await a_world(MarketingPolicy())
    record = world.record("anna@example.com", **MAIL)
    await world.expand(record)
    await set_policy(world, MarketingPolicy(require_opt_out=True, postal_address=ADDRESS))
    await world.expand(record)
    await world.settle(2)

    assert world.events("request.rejected") == []
    assert await world.outcomes() == [("sent", None)]
