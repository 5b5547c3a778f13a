"""Calls that repeat and calls that wait, on the real stack."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cli.admin.development_token import issue_token
from devstack import Stack
from schemas.results import RequestAccepted, RequestCompleted, RequestRejected
from tests.e2e.caller import Reader, Results, reading
from tests.e2e.reconciliation import roll
from tests.e2e.sample_recipients import SIMULATOR, TENANT
from tests.support.deployment import NO_RATE_LIMITS, Deployment, Service, a_deployment
from tests.support.polling import wait_until
from tests.support.service import SECRET

BODY = {"channel": "sms", "content": "Hello", "recipients": ["13800138000", "13900139000", "none"]}
ENDED = {"sent": 2, "failed": 1}


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with a_deployment(
        stack, tmp_path_factory.mktemp("repeats"), PROVIDERS=[SIMULATOR], JWT_SECRET=SECRET, **NO_RATE_LIMITS
    ) as deployment:
        yield deployment


@pytest.fixture(scope="module", autouse=True)
def consumer(deployment: Deployment) -> Iterator[Service]:
    with deployment.service("consumer") as consumer:
        yield consumer


@pytest.fixture(scope="module")
def producer(deployment: Deployment) -> Iterator[Service]:
    with deployment.service("producer") as producer:
        yield producer


@pytest.fixture
async def client(producer: Service) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {issue_token(SECRET, TENANT, 'usr_a', ['communication:send'], 600)}"}
    async with httpx.AsyncClient(base_url=producer.url, timeout=40, headers=headers) as client:
        yield client


async def send(client: httpx.AsyncClient, body: Any = None, **headers: str) -> httpx.Response:
    return await client.post("/communication/bulk", json=body or BODY, headers=headers)


async def test_concurrent_and_later_calls_with_one_key_are_one_request_with_one_answer(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    key = f"order-{uuid4()}"
    other = {**BODY, "content": "Something else"}
    async with (
        reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
        reading(deployment.bootstrap, Reader(deployment.topics.requests_express)) as intake,
    ):
        calls = [(body, send(client, body, **{"Idempotency-Key": key})) for body in [BODY] * 8 + [other] * 4]
        answers = await asyncio.gather(*(call for _, call in calls))
        taken = [(body, answer) for (body, _), answer in zip(calls, answers, strict=True) if answer.status_code == 200]
        assert {answer.status_code for answer in answers} == {200, 409}
        assert len(taken) in {4, 8}
        assert len({answer.content for _, answer in taken}) == 1
        assert (await results.completed(key)).by_status == ENDED
        await intake.catch_up()
        published = len(records(intake, key))
        assert len(set(records(intake, key))) == 1
        body, first = taken[0]
        repeated = await send(client, body, **{"Idempotency-Key": key})
        assert (repeated.status_code, repeated.content) == (200, first.content)
        await intake.catch_up()
        assert len(records(intake, key)) == published, "what is expanded was published again"
        assert not results.of(RequestRejected, key)
    assert len(roll(deployment, key)) == 3


def records(intake: Reader, request_id: str) -> list[bytes | None]:
    return [record.value for record in intake.records if record.key == request_id.encode()]


async def test_a_waiting_caller_gets_the_result_in_the_same_answer(client: httpx.AsyncClient) -> None:
    started = time.monotonic()
    answer = await send(client, Prefer="wait=30")
    assert time.monotonic() - started < 20
    assert answer.headers["Preference-Applied"] == "wait=30"
    body = answer.json()
    assert body["message"] == "completed"
    assert [item["status"] for item in body["items"]] == ["sent", "sent", "failed"]
    assert body["items"][0]["provider"] == "sim-sms"


async def test_a_call_without_a_key_may_be_repeated_under_its_id(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        first = await send(client)
        request_id = first.headers["X-Request-Id"]
        # At once, as after a 503 whose record reached Kafka; and again when all is done.
        second = await send(client, **{"Idempotency-Key": request_id})
        await results.completed(request_id)
        third = await send(client, Prefer="wait=20", **{"Idempotency-Key": request_id})
        assert (second.status_code, third.status_code) == (200, 200)
        assert [item["id"] for item in second.json()["items"]] == [item["id"] for item in first.json()["items"]]
        assert [item["status"] for item in third.json()["items"]] == ["sent", "sent", "failed"]
        (completed,) = results.of(RequestCompleted, request_id)
        assert completed.by_status == ENDED
        assert results.of(RequestAccepted, request_id)
        assert not results.of(RequestRejected, request_id)
    assert len(roll(deployment, request_id)) == 3


async def test_a_waiting_caller_does_not_delay_the_shutdown(
    deployment: Deployment, producer: Service, client: httpx.AsyncClient
) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    waiting = asyncio.create_task(send(client, {**BODY, "send_at": later}, Prefer="wait=30"))
    await wait_until(lambda: deployment.database["requests"].find_one({"head.send_at": {"$type": "date"}}))
    stop_requested_at = time.monotonic()
    producer.child.signal(signal.SIGTERM)
    answer = await waiting
    await wait_until(lambda: producer.child.exit_code() is not None, 20)
    assert time.monotonic() - stop_requested_at < 6
    assert (answer.status_code, answer.json()["items"][0]["status"]) == (200, "scheduled")
    assert producer.child.exit_code() == 0
