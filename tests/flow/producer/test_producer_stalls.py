"""No call holds up the event loop of the producer for 250 ms, however it uses its bounds."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.flow.large_requests import LINK, MAIL, MAX_STALL_SECONDS, A, fill, mails, numbers
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.loop_turns import longest_turn
from tests.support.service import a_token

SEARCH = "/communication/logs/search"
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


def test_a_producer_turns_within_250_ms_while_it_shows_pages_of_long_values() -> None:
    long = mails(20, variables={"a": "你" * 80_000})
    body = {"channel": "email", "subject": "Hi", "content": "https://x.example/?{{a}}", "recipients": long}
    answers = []

    async def work() -> None:
        async with ServiceAndConsumer() as both:
            answers.append(await both.send(orjson.dumps(body), "?page_size=100"))
            await both.consume()
            reader = a_token("communication:read")
            answers.append(await both.service.get("/communication/logs?page_size=100", reader))

    seconds = longest_turn(work())

    assert [[answer.status_code, len(answer.json()["items"])] for answer in answers] == [[200, 20]] * 2
    assert seconds < MAX_STALL_SECONDS


def test_a_producer_turns_within_250_ms_while_many_search_bodies_are_refused() -> None:
    bodies = [{"status": [1] * 8_000}, {"status": ["x" * 7] * 1_600}, dict.fromkeys(map(str, range(1_700)), 1)]
    answers = []

    async def work() -> None:
        token = a_token("communication:read")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with ServiceAndConsumer() as both, asyncio.TaskGroup() as calls:
            searched = [
                calls.create_task(both.service.client.post(SEARCH, content=orjson.dumps(body), headers=headers))
                for body in bodies * 10
            ]
        answers.extend(task.result() for task in searched)

    seconds = longest_turn(work())

    assert {answer.status_code for answer in answers} == {400}
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
