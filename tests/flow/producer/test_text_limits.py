"""Texts beyond the limit of their channel, as a caller of the bulk endpoint sees it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD, a_service

MAIL = {"channel": "email", "subject": "Hi", "recipients": ["anna@example.com"]}


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"content": "x" * 1_531},
            "content: takes 11 SMS segments (GSM-7), and at most 10 are allowed. Shorten it.",
        ),
        (
            {"content": "你" * 671},
            "content: takes 11 SMS segments (UCS-2), and at most 10 are allowed. Shorten it.",
        ),
        (
            {**MAIL, "content": "é" * 131_073},
            "content: has 262,146 bytes of UTF-8, and at most 262,144 are allowed. Shorten it.",
        ),
        ({"content": "{{a}}" * 1_001}, "content: has 1,001 placeholders, and at most 1,000 are allowed"),
        ({"content": "x" * 500_001}, "content: must have at most 500,000 characters"),
        ({**MAIL, "content": "x", "subject": "x" * 901}, "subject: must have at most 900 characters"),
        (
            {**MAIL, "content": "x", "subject": "{{a}}", "variables": {"a": "x" * 1_001}},
            "variables.a: makes the subject invalid: longer than 1,000 characters with variable",
        ),
        ({"template": "long"}, "template: takes 11 SMS segments (GSM-7), and at most 10 are allowed. Shorten it."),
    ],
)
async def test_a_text_that_is_too_long_is_a_400_with_field_and_limit_and_nothing_is_published(
    whole: ServiceAndConsumer, fields: dict[str, Any], message: str
) -> None:
    await whole.world.ledger.templates.put("tnt_a", "long", "x" * 1_531, None)
    answer = await whole.send({**GOOD, **fields})
    assert (answer.status_code, answer.json()["message"]) == (400, message)
    assert whole.records() == 0


async def test_a_delivery_that_its_variables_make_too_long_is_accepted_and_fails_alone(
    whole: ServiceAndConsumer,
) -> None:
    recipients = [{"to": f"1390013900{n}", "variables": {"a": "x" * n}} for n in range(3)]
    answer = await whole.send({**GOOD, "content": "x" * 1_529 + "{{a}}", "recipients": recipients}, key="k-1")
    assert answer.status_code == 200
    await whole.consume()
    assert [log.reason for log in await whole.world.logs("k-1", "tnt_a")] == [None, None, "invalid_content"]


async def test_the_limits_are_settings() -> None:
    limits = {"max_sms_segments": 1, "max_email_bytes": 1_024}
    async with a_service(**limits) as service:
        for fields, allowed, refused in (({}, 160, 161), (MAIL, 1_024, 1_025)):
            for length, status in ((allowed, 200), (refused, 400)):
                answer = await service.send({**GOOD, **fields, "content": "x" * length})
                assert answer.status_code == status, answer.text
