"""Only what a caller's transaction has committed is sent, and an open transaction is waited for."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from core.ids import request_key
from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import TENANT, a_request
from tests.support.deployment import Deployment, Service, a_deployment
from tests.support.polling import wait_until
from tests.torture.offsets import read_to_the_end

KEY = "one partition"
CHECKS = 2
"""Checks of the sweeper. When it begins the second one, the first one has ended. Each finds that a part is late."""


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with a_deployment(stack, tmp_path_factory.mktemp("transactions"), PART_TIMEOUT_SECONDS=1) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def consumer(deployment: Deployment) -> Iterator[Service]:
    with deployment.service("consumer") as consumer:
        yield consumer


@pytest.fixture(params=["requests", "requests_express"])
def topic(request: pytest.FixtureRequest, deployment: Deployment, consumer: Service) -> str:
    del consumer
    name: str = getattr(deployment.topics, request.param)
    return name


def an_sms(*recipients: str) -> dict[str, Any]:
    return a_request(list(recipients), content="Hello")


@contextlib.asynccontextmanager
async def transaction(deployment: Deployment, topic: str, *requests: dict[str, Any]) -> AsyncIterator[AIOKafkaProducer]:
    """Yield the producer of an open transaction with these requests, all on one partition."""
    async with AIOKafkaProducer(
        bootstrap_servers=deployment.bootstrap, transactional_id=f"shop-{uuid4().hex[:8]}"
    ) as producer:
        await producer.begin_transaction()
        for request in requests:
            await producer.send_and_wait(topic, json.dumps(request).encode(), key=KEY.encode())
        yield producer


def requests_of(results: Results) -> set[str]:
    """The requests with an event."""
    return {event.request_id for event in results.events.values()}


def sent_to(deployment: Deployment, user: str) -> list[str]:
    """The request ids of the logs of one user."""
    return [log["request_id"] for log in deployment.database["communication_logs"].find({"user_id": user})]


async def test_a_request_of_an_aborted_transaction_is_not_sent_and_has_no_event(
    deployment: Deployment, topic: str
) -> None:
    aborted, following = an_sms("13900000011"), an_sms("13900000012")
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        async with transaction(deployment, topic, aborted) as producer:
            await producer.abort_transaction()
        await publish(deployment.bootstrap, topic, following, key=KEY)
        await results.completed(following["request_id"])
        assert aborted["request_id"] not in requests_of(results)
    assert deployment.database["requests"].find_one({"_id": request_key(TENANT, aborted["request_id"])}) is None


async def test_an_open_transaction_delays_its_partition_and_is_named_in_the_log(
    deployment: Deployment, topic: str, consumer: Service
) -> None:
    opened, following = an_sms("13900000011"), an_sms("13900000012")
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        async with transaction(deployment, topic, opened) as producer:
            await publish(deployment.bootstrap, topic, following, key=KEY)

            def lines(event: str) -> list[dict[str, Any]]:
                said = [json.loads(line) for line in consumer.said().splitlines() if event in line]
                return [line for line in said if line["topic"] == topic]

            (waits, *_) = await wait_until(lambda: lines("partition waits for an open transaction"))
            assert requests_of(results).isdisjoint({opened["request_id"], following["request_id"]})
            await producer.commit_transaction()
        for request in (opened, following):
            assert (await results.completed(request["request_id"])).by_status == {"sent": 1}
        (goes_on,) = await wait_until(lambda: lines("partition goes on after a transaction"))
        assert (goes_on["partition"], goes_on["offset"]) == (waits["partition"], waits["offset"])


async def test_a_retry_without_request_id_after_an_abort_is_one_delivery(deployment: Deployment, topic: str) -> None:
    user = f"usr_{uuid4().hex[:8]}"
    outbox, following = an_sms("13900000011") | {"request_id": None, "user_id": user}, an_sms("13900000012")
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        async with transaction(deployment, topic, outbox) as producer:
            await producer.abort_transaction()
        async with transaction(deployment, topic, outbox) as producer:
            await producer.commit_transaction()
        await publish(deployment.bootstrap, topic, following, key=KEY)
        await results.completed(following["request_id"])
        (request_id,) = await wait_until(lambda: sent_to(deployment, user))
        await results.completed(request_id)
    assert sent_to(deployment, user) == [request_id]


@pytest.mark.parametrize("end", ["commit_transaction", "abort_transaction"])
async def test_the_lag_that_operators_watch_is_0_again_after_the_last_transaction(
    deployment: Deployment, topic: str, end: str
) -> None:
    async with transaction(deployment, topic, an_sms("13900000011")) as producer:
        await getattr(producer, end)()
    await read_to_the_end(deployment, seconds=15)


async def test_the_intake_of_a_request_is_not_closed_while_its_missing_part_may_be_in_an_open_transaction(
    deployment: Deployment, consumer: Service
) -> None:
    del consumer
    topic, request = deployment.topics.requests, an_sms()
    first = request | {"recipients": ["13900000011"], "part": 0, "last": False}
    second = request | {"recipients": ["13900000012"], "part": 1, "last": True}
    stored = {"_id": request_key(TENANT, request["request_id"])}
    checks = set()

    def was_checked_often() -> bool:
        document = deployment.database["requests"].find_one(stored) or {}
        checks.add(document.get("looked_at"))
        return len(checks - {None}) > CHECKS

    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, topic, first, key=KEY)
        async with transaction(deployment, topic, second) as producer:
            await wait_until(was_checked_often)
            await producer.commit_transaction()
        completed = await results.completed(request["request_id"])
    assert (completed.total, completed.incomplete) == (2, False)
