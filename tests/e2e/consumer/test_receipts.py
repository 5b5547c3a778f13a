"""Receipts on a real Kafka and MongoDB: early, twice, by message id, unusable, and with a consumer that is killed."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.kafka.stop_consumer import stop_consumer
from core.ids import log_id, request_key
from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import MARK, SIMULATOR, TENANT, a_request
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until

SIZE = 60
PEOPLE = [f"{MARK}{index:02d}00" for index in range(SIZE)]

pytestmark = pytest.mark.durable


@pytest.fixture
def deployment(stack: Stack, tmp_path: Path) -> Iterator[Deployment]:
    with a_deployment(stack, tmp_path, PROVIDERS=[SIMULATOR], KAFKA_SESSION_SECONDS=6) as deployment:
        yield deployment


def a_receipt(log: str | None, status: str = "delivered", **fields: Any) -> dict[str, Any]:
    told = {"delivery_id": log} if log else {}
    occurred_at = datetime.now(UTC).isoformat()
    return {"provider": SIMULATOR["name"], "status": status, "occurred_at": occurred_at, **told, **fields}


def ids_of(request_id: str) -> list[str]:
    return [log_id(request_key(TENANT, request_id), 0, index) for index in range(SIZE)]


async def has_committed_all(deployment: Deployment) -> bool:
    """Return whether the group has committed all records of the receipts topic."""
    topic = deployment.topics.receipts
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.bootstrap, group_id=deployment.topics.group_of(topic), enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(4)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        return all([end == (await consumer.committed(partition) or 0) for partition, end in ends.items()])
    finally:
        await stop_consumer(consumer)


async def test_receipts_move_logs_and_each_delivery_has_one_event(deployment: Deployment) -> None:
    request = a_request(PEOPLE, content="Hello", request_id=uuid4().hex)
    ids, topics = ids_of(request["request_id"]), deployment.topics
    statuses = {log: "failed" if at % 10 == 3 else "delivered" for at, log in enumerate(ids)}
    by_id = [a_receipt(log, status, code="E1") for log, status in statuses.items()]
    early, late, twice = by_id[:20], by_id[20:50], by_id[:50:5]
    by_message_id = [a_receipt(None, statuses[log], provider_message_id=f"sim-{log}") for log in ids[50:]]
    async with reading(deployment.bootstrap, Results(topics.results)) as results:
        with deployment.service("consumer") as consumer:
            await publish(deployment.bootstrap, topics.receipts, *early, b"not a receipt", key="k1")
            await wait_until(lambda: deployment.database["receipts"].count_documents({}) == len(early))
            await publish(deployment.bootstrap, topics.requests, request, key=request["request_id"])
            await results.completed(request["request_id"])
            await publish(deployment.bootstrap, topics.receipts, *late, *twice, key="k2")
            await publish(deployment.bootstrap, topics.receipts, *by_message_id, key="k3")
            await wait_until(lambda: results.receipts.keys() == set(ids))
            await wait_until(partial(has_committed_all, deployment))
            assert "receipt rejected" in consumer.said()
        await results.catch_up()
        assert {log: [event.status.value for event in events] for log, events in results.receipts.items()} == {
            log: [status] for log, status in statuses.items()
        }
        assert {event.outcome for events in results.receipts.values() for event in events} == {"sent"}
    logs = {log["_id"]: log for log in deployment.database["communication_logs"].find()}
    assert {name: log["status"] for name, log in logs.items()} == statuses
    assert {log["outcome"] for log in logs.values()} == {"sent"}
    assert deployment.database["receipts"].count_documents({}) == 0
    assert_the_commands_tell(deployment, request["request_id"], Counter(statuses.values()))


def assert_the_commands_tell(deployment: Deployment, request_id: str, counts: Counter[str]) -> None:
    report = json.loads(deployment.rollcall("report", request_id, "--tenant", TENANT, "--json").stdout)
    assert report["not_reached_total"] == counts["failed"]
    assert {each["reason"] for each in report["not_reached"]} == {"undelivered"}
    dead_letters = deployment.rollcall("dead-letters", "list")
    assert f"{deployment.topics.receipts}/" in dead_letters.stdout
    assert "not_json" in dead_letters.stdout


@pytest.mark.parametrize("step", ["settle", "receipt_event", "keep_receipt"])
async def test_a_consumer_that_dies_at_a_step_leaves_the_event_to_the_next(deployment: Deployment, step: str) -> None:
    request = a_request(PEOPLE, content="Hello", request_id=uuid4().hex)
    ids, topics = ids_of(request["request_id"]), deployment.topics
    receipts = [a_receipt(log) for log in ids]
    unknown = a_receipt(log_id(request_key(TENANT, "nobody"), 0, 0))
    async with reading(deployment.bootstrap, Results(topics.results)) as results:
        with deployment.service("consumer"):
            await publish(deployment.bootstrap, topics.requests, request, key=request["request_id"])
            await results.completed(request["request_id"])
        await publish(deployment.bootstrap, topics.receipts, unknown, *receipts, key="k")
        dying = replace(deployment, env={**deployment.env, "ROLLCALL_FAILPOINT": step})
        with dying.service("consumer", ready=False) as consumer:
            await wait_until(lambda: consumer.child.exit_code() == -signal.SIGKILL)
        with deployment.service("consumer", ready=False):
            await wait_until(partial(has_committed_all, deployment), 60)
        await results.catch_up()
        assert {event.event_id for events in results.receipts.values() for event in events} == {
            f"evt_{log[4:]}r" for log in ids
        }
    stored = deployment.database["communication_logs"].find({}, {"status": True})
    assert {log["status"] for log in stored} == {"delivered"}
    assert deployment.database["receipts"].count_documents({}) == 1
