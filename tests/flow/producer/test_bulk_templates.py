"""Requests that name a template, from the body to the message that a recipient gets."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ledger.stored_template import StoredTemplate
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD, a_service, a_token, gateway_without_mongodb

CODE = {**GOOD, "content": "", "template": "verify_code", "variables": {"code": "123456"}}
MAIL = {"channel": "email", "content": "", "template": "welcome", "recipients": ["wei@example.com"]}


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        await stored(made, "verify_code", "Your code: {{code}}")
        yield made


async def stored(whole: ServiceAndConsumer, code: str, content: str, subject: str | None = None) -> StoredTemplate:
    return await whole.world.ledger.templates.put("tnt_a", code, content, subject)


def texts(whole: ServiceAndConsumer) -> list[tuple[str, str | None]]:
    return [
        (message.text, message.subject) for provider in whole.world.providers for message in provider.texts.values()
    ]


@pytest.mark.parametrize("content", ["", "what the contract's example says beside its template", None])
async def test_the_text_of_the_template_is_shown_and_sent(whole: ServiceAndConsumer, content: str | None) -> None:
    own = {"to": "13900139000", "variables": {"code": "7"}}
    answer = await whole.send({**CODE, "content": content, "recipients": ["13800138000", own]})
    assert answer.status_code == 200, answer.text
    template = await stored(whole, "verify_code", "Your code: {{code}}")
    items = answer.json()["items"]
    assert [item["content"] for item in items] == ["Your code: 123456", "Your code: 7"]
    assert {item["template_id"] for item in items} == {template.id}
    await whole.consume()
    assert sorted(text for text, _ in texts(whole)) == ["Your code: 123456", "Your code: 7"]


async def test_the_version_travels_with_the_request(whole: ServiceAndConsumer) -> None:
    await whole.send(CODE)
    await stored(whole, "verify_code", "Never again: {{code}}")
    (request,) = whole.service.published()
    assert (request.template, request.template_version) == ("verify_code", 1)
    await whole.consume()
    assert texts(whole) == [("Your code: 123456", None)]


async def test_a_missing_template_is_reported_by_name(whole: ServiceAndConsumer) -> None:
    answer = await whole.send({**CODE, "template": "nobodys"})
    assert (answer.status_code, answer.json()["message"]) == (404, "template: nobodys was not found")
    assert whole.records() == 0


async def test_a_template_of_another_tenant_is_not_found(whole: ServiceAndConsumer) -> None:
    whole.service.headers = {"Authorization": f"Bearer {a_token(tenant='tnt_b')}"}
    theirs, nobodys = await whole.send(CODE), await whole.send({**CODE, "template": "nobodys___"})
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content.replace(b"verify_code", b"") == nobodys.content.replace(b"nobodys___", b"")


async def test_a_missing_variable_of_the_template_is_reported_by_name(whole: ServiceAndConsumer) -> None:
    recipients = [{"to": "13800138000", "variables": {"code": "1"}}] * 17 + ["13900139000"]
    answer = await whole.send({**CODE, "variables": {}, "recipients": recipients})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("recipients[17].variables.code: is used in template.")
    assert whole.records() == 0


async def test_the_subject_comes_from_the_request_or_else_from_the_template(whole: ServiceAndConsumer) -> None:
    await stored(whole, "welcome", "<p>Hello</p>", "Welcome")
    for body in (MAIL, {**MAIL, "subject": "Hi"}):
        assert (await whole.send(body, key=f"k-{body.get('subject')}")).status_code == 200
    await whole.consume()
    assert {subject for _, subject in texts(whole)} == {"Welcome", "Hi"}


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (None, "subject: is required for e-mail"),
        ("{{who}}", "recipients[0].variables.who: is used in subject"),
        ("Hi {{code}}", "variables.code: makes the subject invalid"),
    ],
)
async def test_a_template_must_give_a_valid_subject(
    whole: ServiceAndConsumer, subject: str | None, message: str
) -> None:
    await stored(whole, "welcome", "Hello", subject)
    answer = await whole.send({**MAIL, "variables": {"code": "a\r\nBcc: b@example.com"}})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message), answer.text


async def test_content_may_be_empty_beside_a_template_only(whole: ServiceAndConsumer) -> None:
    answer = await whole.send({**GOOD, "content": ""})
    assert (answer.status_code, answer.json()["message"]) == (400, "content: may be empty only with a template")


async def test_variables_are_escaped_if_the_template_is_html(whole: ServiceAndConsumer) -> None:
    await stored(whole, "welcome", "<p>{{name}}</p>", "Welcome")
    body: dict[str, Any] = {**MAIL, "content": "plain", "variables": {"name": "<b>"}}
    (item,) = (await whole.send(body)).json()["items"]
    assert item["content"] == "<p>&lt;b&gt;</p>"


async def test_without_mongodb_a_template_is_503_and_nothing_is_published() -> None:
    async with a_service(gateway=gateway_without_mongodb()) as service:
        answer = await service.send(CODE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["message"].endswith(". Nothing was sent by this call.")
        assert service.publisher.records == []
