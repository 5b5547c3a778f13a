"""No request holds up the event loop of a service for 250 ms, however it uses its bounds."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
import pytest

from consumer.context import ConsumerContext
from consumer.kafka.record import KafkaRecord
from core.send_result import SendResult
from providers.bulk_headers import BulkHeaders
from providers.draft import Draft
from providers.list_unsubscribe import parse_list_unsubscribe
from providers.mail_message import compose
from schemas.statuses import Channel
from tests.flow.large_requests import LINK, MAIL, MAX_STALL_SECONDS, A, fill, mails, numbers
from tests.flow.world import START, RecordingProvider, World
from tests.support.drafts import ENDLESS
from tests.support.loop_turns import longest_turn

RECORD_BYTES = 900_000
MAX_DELIVERED = 10_000
"""Maximum number of recipients that a test delivers. All windows of a larger request are alike."""
UNSUBSCRIBE = BulkHeaders(unsubscribing=parse_list_unsubscribe("https://x.example/u?id={{a}}"))


@dataclass
class MailServer(RecordingProvider):
    """Provider that composes mails as the kind `smtp` does."""

    name: str = "post"
    channel: Channel = Channel.EMAIL

    async def send_one(self, draft: Draft) -> SendResult:
        encode = partial(compose, sender="us@example.org", bulk_headers=UNSUBSCRIBE, now=START.timestamp())
        await draft.prepare(encode)
        return await super().send_one(draft)


PLACEHOLDERS = "<p><a href='/{{a}}'>{{a}}</a>" + "x" * 500
MANY_VALUES = {**dict.fromkeys(map(str, range(90)), "x" * 90), **A["variables"]}
B = {"b": "<&\n" * 2_600}
LARGEST: dict[str, dict[str, Any]] = {
    "many small SMS": {"recipients": numbers(50_000)},
    "SMS of ten segments": {"content": "你" * 600 + "{{a}}", "recipients": mails(5_000, "+86138{:08d}", **A)},
    "numbers as people write them": {"recipients": numbers(5_000, "+86 (138) {:08d}")},
    "addresses of other scripts": {**MAIL, "subject": "Hi", "recipients": numbers(1_000, "ü{0}@bücher{0}.example")},
    "addresses that are none": {**MAIL, "subject": "Hi", "recipients": numbers(1_000, "a@" + "x." * 120 + "{}")},
    "HTML with many links": {**MAIL, "content": "<p>{{a}}" + fill(LINK), "recipients": mails(20, **A)},
    "HTML that stays on the loop": {**MAIL, "content": "<p>{{a}}" + fill(LINK, 32_000), "recipients": mails(100, **A)},
    "HTML with open tags": {**MAIL, "content": "<p>{{a}}" + fill("<div>"), "recipients": mails(20, **A)},
    "HTML with many placeholders": {
        **MAIL,
        "content": "<p>" + fill(PLACEHOLDERS, 230_000),
        "recipients": mails(20, **A),
    },
    "lines of text": {**MAIL, "content": "{{a}}" + fill("\n"), "recipients": mails(8, **A)},
    "lines that stay on the loop": {**MAIL, "content": "{{a}}" + fill("\n", 32_000), "recipients": mails(50, **A)},
    "text beyond ASCII": {**MAIL, "content": "{{a}}" + fill("é "), "recipients": mails(20, **A)},
    "large variables": {**MAIL, "content": "{{a}}{{b}}", "recipients": mails(100, variables={**B, "a": "<"})},
    "blanks in links": {
        **MAIL,
        "subject": "Hi",
        "content": "<a href='{{a}}'>x</a>" * 1_000,
        "recipients": mails(3, variables={"a": " " * 262_144}),
    },
    "many variables": {**MAIL, "content": "{{a}}", "recipients": mails(80, variables=MANY_VALUES)},
}
"""Request of each kind that takes the most work within its bounds."""


def a_world() -> World:
    world = World(RecordingProvider(), MailServer())
    world.limits = replace(world.limits, chunk_size=500, window_size=100)
    return world


@pytest.mark.parametrize("kind", LARGEST)
def test_a_consumer_turns_within_250_ms_during_the_largest_request(kind: str) -> None:
    world = a_world()
    body = dict(LARGEST[kind])
    recipients = body.pop("recipients")
    while len(orjson.dumps([body, recipients])) > RECORD_BYTES:
        recipients = recipients[: len(recipients) * 9 // 10]
    record = world.record(*recipients, **body)

    async def work() -> None:
        context = world.context()
        await world.expand(record, context)
        if len(recipients) <= MAX_DELIVERED:
            await world.deliver_all(context)

    seconds = longest_turn(work())

    expected = 0 if kind == "addresses that are none" or len(recipients) > MAX_DELIVERED else len(recipients)
    assert [event["type"] for event in world.events("request")][:1] == ["request.accepted"]
    assert sum(provider.taken.total() for provider in world.providers) == expected
    assert seconds < MAX_STALL_SECONDS


def test_without_the_budget_a_consumer_turns_much_later() -> None:
    world = a_world()
    world.limits = replace(world.limits, window_size=500)

    async def work(context: ConsumerContext, request_id: str) -> None:
        said = {**LARGEST["lines that stay on the loop"], "recipients": mails(500, **A), "request_id": request_id}
        await world.expand(world.record(**said), context)
        await world.deliver_all(context)

    with_budget = longest_turn(work(world.context(), "with"))
    without = longest_turn(work(replace(world.context(), turn_budget=ENDLESS), "without"))

    assert without > 3 * with_budget


async def expand_together(world: World, records: list[KafkaRecord]) -> None:
    context = world.context()
    async with asyncio.TaskGroup() as tasks:
        for record in records:
            tasks.create_task(world.expand(record, context))


def test_a_consumer_turns_within_250_ms_while_many_parts_name_a_large_template() -> None:
    world = a_world()
    fields = {**MAIL, "content": "", "template": "news", "variables": {"a": "x"}}
    parts = [world.record(f"u{part}@example.com", **fields, part=part, last=part == 15) for part in range(16)]

    async def work() -> None:
        await world.ledger.templates.put("t1", "news", "{{a}}" + fill("abcdefghijklmnopqrst."), None)
        await world.expand(parts[0])
        await expand_together(world, parts[1:])

    seconds = longest_turn(work())

    assert [event["type"] for event in world.events("request")] == ["request.accepted"] * 16
    assert seconds < MAX_STALL_SECONDS


def test_a_consumer_turns_within_250_ms_while_it_refuses_many_texts() -> None:
    world = a_world()
    records = [
        world.record("13800138000", content="{{a}}" * 99_000, request_id=f"r{number}", template="none")
        if number % 2
        else world.record("13800138000", content="{{a}}" * 99_000, request_id=f"r{number}")
        for number in range(16)
    ]

    seconds = longest_turn(expand_together(world, records))

    assert [event["type"] for event in world.events("request")] == ["request.rejected"] * 16
    assert seconds < MAX_STALL_SECONDS
