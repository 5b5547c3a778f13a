"""Names of variables with spaces and of any script, from the body to the message."""

from collections.abc import AsyncIterator

import pytest

from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD

NAMED = {**GOOD, "content": "{{ First\u00a0Name }}, {{\u59d3\u540d}}: {{2fa}}"}


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


async def test_a_name_may_have_spaces_and_any_script(whole: ServiceAndConsumer) -> None:
    to = {"to": "13800138000", "variables": {"First  Name": "Anna", "\u59d3\u540d": "Li"}}
    answer = await whole.send({**NAMED, "recipients": [to], "variables": {"2fa": "7", "First Name": "you"}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"][0]["content"] == "Anna, Li: 7"
    await whole.consume()
    assert [message.text for message in whole.world.providers[0].texts.values()] == ["Anna, Li: 7"]


async def test_a_secret_is_masked_in_whatever_spelling_its_name_is_given(whole: ServiceAndConsumer) -> None:
    to = {"to": "13800138000", "variables": {"Login\tCode": "s3cret", "First Name": "Anna"}}
    body = {**GOOD, "content": "{{First Name}} {{Login Code}}", "recipients": [to]}
    answer = await whole.send({**body, "secret_variables": ["Login  Code"]}, key="k-1")
    assert answer.json()["items"][0]["content"] == "Anna ***"
    await whole.consume()
    assert [message.text for message in whole.world.providers[0].texts.values()] == ["Anna s3cret"]
    stored = await whole.world.ledger.requests.get(whole.key("k-1"))
    assert stored is not None
    assert stored.header.secret_variables == ("Login Code",)


async def test_a_name_that_cannot_be_one_is_refused_with_the_rule(whole: ServiceAndConsumer) -> None:
    answer = await whole.send({**GOOD, "content": "{{#if vip}}x{{/if}}"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(
        "content: malformed placeholder at position 0. Conditions, loops and filters are not supported. "
    )
    assert "A name is made of" in answer.json()["message"]
