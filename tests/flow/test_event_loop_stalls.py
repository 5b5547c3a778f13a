"""No request holds up the event loop of a service for 250 ms, however it uses its bounds."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
import pytest

from core.send_result import SendResult
from providers.draft import Draft
from providers.list_unsubscribe import parse_list_unsubscribe
from providers.mail_message import compose
from schemas.requests import MAX_EMAIL_BYTES
from schemas.statuses import Channel
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import START, RecordingProvider, World
from tests.support.loop_turns import longest_turn

MAX_STALL_SECONDS = 0.25
RECORD_BYTES = 900_000
MAX_DELIVERED = 10_000
"""Maximum number of recipients that a test delivers. All windows of a larger request are alike."""
UNSUBSCRIBE = parse_list_unsubscribe("https://x.example/u?id={{a}}")


@dataclass
class MailServer(RecordingProvider):
    """Provider that composes mails as the kind `smtp` does."""

    name: str = "post"
    channel: Channel = Channel.EMAIL

    async def send(self, draft: Draft) -> SendResult:
        encode = partial(compose, sender="us@example.org", list_unsubscribe=UNSUBSCRIBE, now=START)
        await draft.prepare(encode)
        return await super().send(draft)


def fill(piece: str, size: int = MAX_EMAIL_BYTES - 2_000) -> str:
    return piece * (size // len(piece.encode()))


def numbers(count: int, form: str = "+86138{:08d}") -> list[str]:
    return [form.format(number) for number in range(count)]


def mails(count: int, form: str = "u{}@example.com", **more: Any) -> list[dict[str, Any]]:
    return [{"to": form.format(number), **more} for number in range(count)]


MAIL = {"channel": "email", "subject": "Hi {{a}}"}
A = {"variables": {"a": "<&>"}}
PLACEHOLDERS = "<p><a href='/{{a}}'>{{a}}</a>" + "x" * 500
LINK = "<a href='http://x/'>y</a>"
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
    "many variables": {**MAIL, "content": "{{a}}", "recipients": mails(80, variables=MANY_VALUES)},
}
"""Request of each kind that takes the most work within its bounds."""


@pytest.mark.parametrize("kind", LARGEST)
def test_a_consumer_turns_within_250_ms_during_the_largest_request(kind: str) -> None:
    world = World(RecordingProvider(), MailServer())
    world.limits = replace(world.limits, chunk_size=500, window_size=100)
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


CALLS: dict[str, dict[str, Any]] = {
    "the largest body": {"recipients": numbers(100_000, "+86138{:08d}")},
    "the largest HTML": {**MAIL, "content": "<p>{{a}}" + fill(LINK), "recipients": mails(500, **A)},
    "the largest variables": {
        **MAIL,
        "content": "{{a}}",
        "recipients": mails(800, variables={"a": "x", "b": "<" * 9_000}),
    },
}


@pytest.mark.parametrize("kind", CALLS)
def test_a_producer_turns_within_250_ms_during_the_largest_call(kind: str) -> None:
    content = orjson.dumps({"channel": "sms", "content": "Hello", **CALLS[kind]})
    answers = []

    async def work() -> None:
        async with ServiceAndConsumer() as both:
            answers.append(await both.send(content))

    seconds = longest_turn(work())

    assert [answer.status_code for answer in answers] == [200]
    assert seconds < MAX_STALL_SECONDS


def test_a_producer_turns_within_250_ms_while_many_large_calls_arrive_at_once() -> None:
    body = {
        "channel": "email",
        "subject": "Hi",
        "content": "<p>{{a}}" + fill(LINK, 200_000),
        "recipients": mails(2, **A),
    }
    answers = []

    async def work() -> None:
        async with ServiceAndConsumer() as both, asyncio.TaskGroup() as calls:
            sent = [calls.create_task(both.send(orjson.dumps(body))) for _ in range(20)]
        answers.extend(task.result() for task in sent)

    seconds = longest_turn(work())

    assert {answer.status_code for answer in answers} == {200}
    assert seconds < MAX_STALL_SECONDS
