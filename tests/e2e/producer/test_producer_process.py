"""The HTTP service as a process on a real Kafka: start, publish, lose Kafka, reconnect, end."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka.admin import NewTopic
from pymongo import MongoClient

from cli.admin.development_token import issue_token
from devstack import LocalKafka, Stack
from devstack.packages import why_no_kafka
from devstack.processes import Child
from devstack.services import ready_url, service_env, start_service
from ledger.mongo import MongoLedger
from schemas.requests import BulkRequest
from schemas.topic_definitions import MAX_INTAKE_BYTES, Topics
from tests.e2e.producer.kafka_records import records_of
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until
from tests.support.repository import CONTRACT_DATA
from tests.support.service import SECRET
from tests.support.skipping import not_run

EXAMPLE = CONTRACT_DATA / "example-request.json"
TOKEN = issue_token(SECRET, "tnt_xyz789", "usr_abc123", ["communication:send"], 3_600)


@dataclass
class Running:
    """A producer process and a client of it."""

    child: Child
    client: httpx.AsyncClient
    topics: Topics
    bootstrap: str

    async def send(self, content: bytes, **headers: str) -> httpx.Response:
        return await self.client.post(
            "/communication/bulk", content=content, headers={"Content-Type": "application/json", **headers}
        )

    async def status_of(self, path: str) -> int:
        return (await self.client.get(path)).status_code


async def create_all_topics(bootstrap: str, topics: Topics) -> None:
    await create_topics(bootstrap, *(NewTopic(spec.name, 4, 1) for spec in topics.specs()))


NO_MONGODB = "mongodb://127.0.0.1:9/?directConnection=true"
"""Address without a server: a call without a key needs no MongoDB."""


@contextmanager
def a_process(
    bootstrap: str, topics: Topics, log: Path, *, ready: bool, mongo_url: str = NO_MONGODB
) -> Iterator[tuple[Child, str]]:
    stack = Stack(bootstrap, "", "given", durable=True, note="")
    env = service_env(
        stack, MONGO_URL=mongo_url, MONGO_DATABASE=topics.prefix, JWT_SECRET=SECRET, TOPIC_PREFIX=topics.prefix
    )
    url = ready_url(env, "producer")
    with start_service(["rollcall", "producer"], env, url if ready else None, log=log) as child:
        yield child, url.removesuffix("/readyz")


@asynccontextmanager
async def a_producer(
    bootstrap: str, log: Path, *, topics: Topics | None = None, ready: bool = True, mongo_url: str = NO_MONGODB
) -> AsyncIterator[Running]:
    if topics is None:
        topics = Topics(f"p{uuid4().hex[:8]}")
        await create_all_topics(bootstrap, topics)
    with a_process(bootstrap, topics, log, ready=ready, mongo_url=mongo_url) as (child, url):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
            yield Running(child, client, topics, bootstrap)


async def test_the_contracts_example_becomes_one_record_of_the_express_lane(kafka_stack: Stack, tmp_path: Path) -> None:
    async with a_producer(kafka_stack.kafka_bootstrap, tmp_path / "log") as running:
        answer = await running.send(EXAMPLE.read_bytes())
        assert answer.status_code == 200, answer.text
        assert [item["recipient"] for item in answer.json()["items"]] == ["138****8000", "139****9000"]
        (record,) = await records_of(running.bootstrap, running.topics.requests_express, 1)
        request = BulkRequest.model_validate_json(record.value)
        assert record.key.decode() == request.request_id == answer.headers["X-Request-Id"]
        assert request.recipients == json.loads(EXAMPLE.read_bytes())["recipients"]
        assert (request.tenant_id, request.user_id) == ("tnt_xyz789", "usr_abc123")
        # Calls that need MongoDB are refused in time.
        refused = await assert_refused_in_time(running, **{"Idempotency-Key": "order-17"})
        assert "MongoDB" in refused.json()["message"]


async def test_a_hundred_thousand_recipients_become_parts_on_one_partition_in_order(
    kafka_stack: Stack, tmp_path: Path
) -> None:
    recipients = [{"to": f"+86138{number:08}", "variables": {"code": f"{number:06}"}} for number in range(100_000)]
    body = {"channel": "sms", "content": "Your code: {{code}}", "recipients": recipients}
    async with a_producer(kafka_stack.kafka_bootstrap, tmp_path / "log") as running:
        answer = await running.send(json.dumps(body).encode())
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == 100_000
        records = await records_of(running.bootstrap, running.topics.requests, 7)
        parts = [json.loads(record.value) for record in records]
        assert len({record.partition for record in records}) == 1
        assert [part["part"] for part in parts] == list(range(len(parts)))
        assert [part["last"] for part in parts] == [False] * (len(parts) - 1) + [True]
        assert max(len(record.value) for record in records) <= MAX_INTAKE_BYTES
        assert [recipient for part in parts for recipient in part["recipients"]] == recipients


async def test_bytes_that_are_not_http_get_an_error_of_the_contract(kafka_stack: Stack, tmp_path: Path) -> None:
    async with a_producer(kafka_stack.kafka_bootstrap, tmp_path / "log") as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.client.base_url.port)
        writer.write(b"GARBAGE\x00 / NOTHING\r\n\r\n")
        head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 400 ")
        assert json.loads(body).keys() == {"code", "message", "timestamp"}
        assert (await running.send(EXAMPLE.read_bytes())).status_code == 200


async def test_the_service_logs_json_lines_without_addresses_queries_or_tokens(
    kafka_stack: Stack, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with a_producer(kafka_stack.kafka_bootstrap, log) as running:
        await running.send(EXAMPLE.read_bytes())
        await running.client.get("/13800138000?secret=13800138000")
        assert running.child.stop() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    requests = [
        line for line in lines if line["event"] == "request finished" and line["route"] == "/communication/bulk"
    ]
    assert [(line["method"], line["status"]) for line in requests] == [("POST", 200)]
    assert requests[0]["request_id"]
    for word in ("13800138000", "13900139000", "secret", "123456", TOKEN):
        assert word not in log.read_text()


async def test_without_topics_the_service_ends_and_names_the_command(kafka_stack: Stack, tmp_path: Path) -> None:
    log = tmp_path / "log"
    topics = Topics(f"p{uuid4().hex[:8]}")
    with a_process(kafka_stack.kafka_bootstrap, topics, log, ready=False) as (child, _):
        code = await asyncio.to_thread(child.wait, 30)
    assert code == 3
    (line,) = [line for line in log.read_text().splitlines() if line.startswith("rollcall producer: ")]
    assert "`rollcall setup`" in line
    assert topics.requests in line


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[LocalKafka]:
    """Start a Kafka that only this test uses, so that the test may stop it."""
    if lack := why_no_kafka():
        not_run(lack)
    kafka = LocalKafka(tmp_path / "kafka")
    try:
        yield kafka
    finally:
        kafka.kill()


async def assert_refused_in_time(running: Running, **headers: str) -> httpx.Response:
    started = time.monotonic()
    answer = await running.send(EXAMPLE.read_bytes(), **headers)
    assert time.monotonic() - started < 5
    assert (answer.status_code, answer.json()["code"]) == (503, 503)
    assert answer.headers["Retry-After"]
    return answer


@pytest.fixture
async def ledger_ready(mongo_url: str) -> AsyncIterator[str]:
    """Create the indexes of the database `away`."""
    ledger = await MongoLedger.connect(mongo_url, "away")
    await ledger.setup()
    await ledger.aclose()
    yield mongo_url
    with MongoClient[dict[str, Any]](mongo_url) as client:
        client.drop_database("away")


async def test_kafka_may_be_unavailable_at_the_start_and_later(
    own_kafka: LocalKafka, ledger_ready: str, tmp_path: Path
) -> None:
    topics = Topics("away")
    # The topics come first: a producer that finds a Kafka without them ends, as it should.
    await asyncio.to_thread(own_kafka.start)
    await create_all_topics(own_kafka.bootstrap, topics)
    await asyncio.to_thread(own_kafka.stop)
    log = tmp_path / "log"
    async with a_producer(own_kafka.bootstrap, log, topics=topics, ready=False, mongo_url=ledger_ready) as running:

        async def alive() -> bool:
            try:
                return await running.status_of("/healthz") == 200
            except httpx.TransportError:
                return False

        async def ready() -> bool:
            return await running.status_of("/readyz") == 200

        async def not_ready() -> bool:
            return not await ready()

        await wait_until(alive, seconds=30)
        assert not await ready()
        assert "Nothing was sent" in (await assert_refused_in_time(running)).json()["message"]

        await asyncio.to_thread(own_kafka.start)
        await wait_until(ready, seconds=30)
        assert (await running.send(EXAMPLE.read_bytes())).status_code == 200

        own_kafka.kill()
        refused = await assert_refused_in_time(running)
        await wait_until(not_ready, seconds=30)
        assert await alive()

        await asyncio.to_thread(own_kafka.start)
        await wait_until(ready, 60)
        repeated = await running.send(EXAMPLE.read_bytes(), **{"Idempotency-Key": refused.headers["X-Request-Id"]})
        assert repeated.status_code == 200
        ids = [record.key.decode() for record in await records_of(running.bootstrap, topics.requests_express, 2)]
        assert repeated.headers["X-Request-Id"] in ids

        own_kafka.kill()
        started = time.monotonic()
        assert await asyncio.to_thread(running.child.stop, 20) == 0
        assert time.monotonic() - started < 15
