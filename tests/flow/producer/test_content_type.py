"""The content type of a request, from the body or the record to the message that a recipient gets."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from core.ids import request_key
from core.request_parts import EncodedPart
from ledger.resend_selection import resend_parts, select_deliveries
from schemas.statuses import ContentType, Status
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import World
from tests.support.service import GOOD

MAIL = {"channel": "email", "subject": "s", "content": "<p>{{a}}</p>", "recipients": ["anna@example.com"]}
VALUES = {"variables": {"a": "<&>"}}
SMS_ONLY = "content_type: must be text/plain for SMS"


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


def sent(world: World) -> list[tuple[str, bool]]:
    return [(message.text, message.is_html) for provider in world.providers for message in provider.texts.values()]


@pytest.mark.parametrize(
    ("fields", "text", "is_html"),
    [
        ({}, "<p>&lt;&amp;&gt;</p>", True),
        ({"content_type": None}, "<p>&lt;&amp;&gt;</p>", True),
        ({"content_type": "text/plain"}, "<p><&></p>", False),
        ({"content": "{{a}}, <b>you</b>", "content_type": "text/html"}, "&lt;&amp;&gt;, <b>you</b>", True),
        ({"content": "\ufeff<html>{{a}}</html>"}, "<html>&lt;&amp;&gt;</html>", True),
        ({"content": "<https://x.example/o/17> {{a}}"}, "<https://x.example/o/17> <&>", False),
    ],
)
@pytest.mark.parametrize("way", ["http", "kafka"])
async def test_a_mail_has_the_type_that_its_request_states_or_that_the_rule_chooses(
    whole: ServiceAndConsumer, way: str, fields: dict[str, Any], text: str, *, is_html: bool
) -> None:
    body = {**MAIL, **VALUES, **fields}
    if way == "http":
        answer = await whole.send(body)
        assert answer.status_code == 200, answer.text
        assert [item["content"] for item in answer.json()["items"]] == [text]
        await whole.consume()
    else:
        recipients = body.pop("recipients")
        await whole.world.expand(whole.world.record(*recipients, **body))
        await whole.world.deliver_all()
    assert sent(whole.world) == [(text, is_html)]


async def test_a_provider_gets_the_type_that_its_request_states(whole: ServiceAndConsumer) -> None:
    for stated in ("text/plain", "text/html", None):
        await whole.send({**MAIL, **VALUES, "content_type": stated}, key=f"k-{stated and stated[5:]}")
    await whole.consume()
    messages = whole.world.providers[1].texts.values()
    assert [message.content_type for message in messages] == [ContentType.PLAIN, ContentType.HTML, None]


async def test_a_request_without_the_field_has_none_in_record_and_header(whole: ServiceAndConsumer) -> None:
    await whole.send({**MAIL, **VALUES}, key="k-1")
    await whole.consume()
    (_, part), *_ = whole.service.publisher.records
    assert b"content_type" not in part.value
    stored = await whole.world.ledger.requests.get(whole.key("k-1"))
    assert stored is not None
    assert stored.header.content_type is None


async def test_the_type_of_the_request_goes_before_that_of_its_template(whole: ServiceAndConsumer) -> None:
    await whole.world.ledger.templates.put("tnt_a", "welcome", "{{a}} <b>you</b>", "s", ContentType.HTML)
    body = {**MAIL, **VALUES, "content": "", "template": "welcome"}
    for key, fields in (("k-1", {}), ("k-2", {"content_type": "text/plain"})):
        assert (await whole.send({**body, **fields}, key=key)).status_code == 200
    await whole.consume()
    assert sent(whole.world) == [("&lt;&amp;&gt; <b>you</b>", True), ("<&> <b>you</b>", False)]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"content_type": "text/html"}, SMS_ONLY),
        ({"content_type": "text/rtf"}, "content_type: input should be 'text/plain' or 'text/html'"),
        ({"content_type": ""}, "content_type: input should be 'text/plain' or 'text/html'"),
        ({"content_type": 7}, "content_type: input should be 'text/plain' or 'text/html'"),
        ({"template": "welcome"}, SMS_ONLY),
    ],
)
async def test_a_type_that_a_message_cannot_have_is_refused_with_the_allowed_ones(
    whole: ServiceAndConsumer, fields: dict[str, Any], error: str
) -> None:
    for tenant in ("tnt_a", "t1"):
        await whole.world.ledger.templates.put(tenant, "welcome", "text", "s", ContentType.HTML)
    answer = await whole.send({**GOOD, **fields})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(error)

    await whole.world.expand(whole.world.record("13800138000", **fields))
    (event,) = whole.world.events("request.rejected")
    assert event["fields"] == ["content_type"]
    assert event["message"].lower().startswith(error.lower())


async def test_a_byte_order_mark_alone_is_no_content(whole: ServiceAndConsumer) -> None:
    answer = await whole.send({**GOOD, "content": "\ufeff"})
    assert (answer.status_code, answer.json()["message"]) == (400, "content: may be empty only with a template")


async def test_a_template_in_html_is_sent_by_sms_if_the_request_states_text(whole: ServiceAndConsumer) -> None:
    await whole.world.ledger.templates.put("tnt_a", "welcome", "<b>", None, ContentType.HTML)
    answer = await whole.send({**GOOD, "template": "welcome", "content_type": "text/plain"})
    assert answer.status_code == 200


async def test_the_first_expansion_decides_and_later_steps_keep_its_decision() -> None:
    """A request that an older version began has no stored type. Its rule took this text for HTML."""
    fields: dict[str, Any] = {"channel": "email", "subject": "s", "content": "<https://x.example> {{a}}", **VALUES}
    new, world = World(), World()
    await new.expand(new.record("a@example.com", part=0, last=False, **fields))
    request = await new.ledger.requests.get(request_key("t1", "r1"))
    assert request is not None
    assert request.header.content_type is ContentType.PLAIN
    await world.ledger.requests.register_part(replace(request.header, content_type=None), request.parts[0])

    await world.expand(world.record("a@example.com", part=0, last=False, **fields))
    await world.expand(world.record("b@example.com", part=1, last=True, **fields))
    await world.deliver_all()

    assert sent(world) == [("<https://x.example> &lt;&amp;&gt;", True)] * 2
    assert b'"content_type":"text/html"' in (await resent(world)).value


async def resent(world: World) -> EncodedPart:
    old = await world.ledger.requests.get(request_key("t1", "r1"))
    assert old is not None
    selection = await select_deliveries(world.ledger, old, Status.SENT)
    parts = resend_parts(world.ledger, world.sealer, selection, accepted_at=world.time, expires_at=None)
    return await anext(parts)


@pytest.mark.parametrize("stated", ["text/plain", None])
async def test_a_resend_states_the_type_if_the_old_request_did(stated: str | None) -> None:
    world = World()
    more = {"content_type": stated} if stated else {}
    await world.expand(world.record("a@example.com", channel="email", subject="s", content="<p>x</p>", **more))
    await world.deliver_all()
    assert (b"content_type" in (await resent(world)).value) is (stated is not None)
