"""A bulk request becomes one log and one result event for each recipient, and the books balance to the last one."""

import json
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.ids import request_key, template_id
from devstack import Stack
from ledger.mongo.request_documents import read_request
from ledger.sealed_text import open_template
from schemas.results import DeliveryEvent, RequestAccepted
from tests.e2e.caller import Results, create_topic, publish, reading
from tests.e2e.reconciliation import assert_balanced, fates, roll, tally
from tests.e2e.sample_recipients import MARK, SIMULATOR, TENANT, a_crowd, a_request, assert_tells_nobody
from tests.support.deployment import Deployment, Service, a_deployment
from tests.support.repository import CONTRACT_DATA

EXAMPLE, TEMPLATE_EXAMPLE = CONTRACT_DATA / "example-request.json", CONTRACT_DATA / "example-request-template.json"


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """With small chunks and windows, so that a thousand recipients are many of each."""
    small = {"CHUNK_SIZE": 90, "WINDOW_SIZE": 25}
    folder = tmp_path_factory.mktemp("bulk")
    with a_deployment(stack, folder, PROVIDERS=[SIMULATOR], REPLY_TOPICS="callers-*", **small) as deployment:
        yield deployment


@pytest.fixture(scope="module", autouse=True)
def consumer(deployment: Deployment) -> Iterator[Service]:
    with deployment.service("consumer") as consumer:
        yield consumer


@pytest.fixture(scope="module")
def producer(deployment: Deployment) -> Iterator[Service]:
    with deployment.service("producer") as producer:
        yield producer


def rollcall(deployment: Deployment, *args: str) -> str:
    done = deployment.rollcall(*args, "--tenant", TENANT)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


def token(deployment: Deployment, user: str) -> str:
    return rollcall(deployment, "token", "--user", user)


def put_template(deployment: Deployment, content: str) -> str:
    return rollcall(deployment, "template", "put", "verify_code", "--content", content)


def assert_says(deployment: Deployment, request_id: str, text: str, *, version: int) -> None:
    """The request has the text of this version of the template, and its logs the template's id."""
    request = read_request(deployment.database["requests"].find_one({"_id": request_key(TENANT, request_id)}) or {})
    said = open_template(deployment.sealer, request.header)
    assert said.content.render({}, said.variables) == text
    assert request.header.template_version == version
    logs = roll(deployment, request_id).values()
    assert {log["template_id"] for log in logs} == {template_id(TENANT, "verify_code")}


async def post(deployment: Deployment, producer: Service, body: bytes, user: str) -> httpx.Response:
    """POST /communication/bulk with a token of the command line."""
    headers = {"Authorization": f"Bearer {token(deployment, user)}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=producer.url, timeout=30) as client:
        return await client.post("/communication/bulk", content=body, headers=headers)


async def test_the_contracts_example_request_goes_from_http_to_a_result_for_each_recipient(
    deployment: Deployment, producer: Service
) -> None:
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        answer = await post(deployment, producer, EXAMPLE.read_bytes(), "usr_abc123")
        assert (answer.status_code, answer.json()["code"], answer.json()["total"]) == (200, 200, 2)
        completed = await results.completed(answer.headers["X-Request-Id"])
        assert completed.by_status == {"sent": 2}
        await assert_balanced(deployment, results, completed, total=2)
        items, logs = answer.json()["items"], roll(deployment, completed.request_id)
    assert [(item["id"], item["recipient"], item["status"]) for item in items] == [
        (logs[0, 0]["_id"], "138****8000", "pending"),
        (logs[0, 1]["_id"], "139****9000", "pending"),
    ]
    assert {(log["tenant_id"], log["user_id"]) for log in logs.values()} == {(TENANT, "usr_abc123")}


async def test_of_a_thousand_recipients_each_ends_as_its_number_says_it_must(deployment: Deployment) -> None:
    recipients, expected = a_crowd(1000)
    request, headers = a_request(recipients), [("correlation_id", "order №66".encode())]
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(
            deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"], headers=headers
        )
        completed = await results.completed(request["request_id"])
        logs = roll(deployment, completed.request_id)
        assert fates(logs) == expected
        assert {at: log["reference"] for at, log in logs.items()} == {at: f"order-{at[1]}" for at in expected}
        assert (completed.by_status, completed.by_reason) == tally((f.status, f.reason) for f in expected.values())
        await assert_balanced(deployment, results, completed, total=1000)
        assert_tells_nobody(deployment, results)
    (accepted,) = results.of(RequestAccepted, completed.request_id)
    assert (accepted.part, accepted.recipients) == (0, 1000)
    events = [accepted, completed, *results.of(DeliveryEvent, completed.request_id)]
    assert {event.correlation_id for event in events} == {"order №66"}
    assert {event.tenant_id for event in events} == {TENANT}


async def test_a_thousand_over_http_end_the_same_way(deployment: Deployment, producer: Service) -> None:
    recipients, expected = a_crowd(1000, lacking=False)  # a missing variable is refused over HTTP
    body = {"channel": "sms", "content": "{{code}}", "recipients": recipients}
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        answer = await post(deployment, producer, json.dumps(body).encode(), "usr_e2e")
        assert answer.status_code == 200
        completed = await results.completed(answer.headers["X-Request-Id"])
        assert fates(roll(deployment, completed.request_id)) == expected
        await assert_balanced(deployment, results, completed, total=1000)
        assert_tells_nobody(deployment, results)


async def test_the_contracts_request_with_a_template_says_what_the_template_said_when_it_was_accepted(
    deployment: Deployment, producer: Service
) -> None:
    assert put_template(deployment, "您的验证码是{{code}}").endswith("variables: code")
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        answer = await post(deployment, producer, TEMPLATE_EXAMPLE.read_bytes(), "usr_abc123")
        assert answer.status_code == 200
        assert {item["content"] for item in answer.json()["items"]} == {"您的验证码是123456"}
        put_template(deployment, "another text for {{name}}")
        accepted = {"tenant_id": TENANT, "request_id": "templated", "template_version": 1}
        request = json.loads(TEMPLATE_EXAMPLE.read_bytes()) | accepted
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key="templated")
        for request_id in (answer.headers["X-Request-Id"], "templated"):
            completed = await results.completed(request_id)
            assert completed.by_status == {"sent": 2}
            await assert_balanced(deployment, results, completed, total=2)
            assert_says(deployment, request_id, "您的验证码是123456", version=1)


@pytest.mark.parametrize("header", ["reply_to", "kafka_replyTopic", None])
async def test_results_go_to_the_callers_own_topic_when_it_names_an_allowed_one(
    deployment: Deployment, header: str | None
) -> None:
    mine = f"callers-{header or 'body'}"
    await create_topic(deployment.bootstrap, mine)
    recipients, expected = a_crowd(100)
    request = a_request(recipients) | ({} if header else {"reply_topic": mine})
    headers = [(header, mine.encode()), ("kafka_correlationId", b"mine")] if header else [("reply_to", b"callers-no")]
    async with (
        reading(deployment.bootstrap, Results(mine)) as results,
        reading(deployment.bootstrap, Results(deployment.topics.results)) as default,
    ):
        await publish(
            deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"], headers=headers
        )
        completed = await results.completed(request["request_id"])
        assert fates(roll(deployment, completed.request_id)) == expected
        await assert_balanced(deployment, results, completed, total=100)
        assert completed.correlation_id == ("mine" if header else None)
        assert not default.of(DeliveryEvent, completed.request_id)


@pytest.mark.parametrize(
    ("topic", "size", "lane"),
    [("requests_express", 80, "express"), ("requests_express", 200, "bulk"), ("requests", 200, "bulk")],
)
async def test_what_is_one_chunk_takes_the_express_lane_and_what_is_more_does_not(
    deployment: Deployment, topic: str, size: int, lane: str
) -> None:
    recipients, expected = a_crowd(size)
    request = a_request(recipients)
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, getattr(deployment.topics, topic), request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
        assert fates(roll(deployment, completed.request_id)) == expected
        await assert_balanced(deployment, results, completed, total=size)
    chunks = deployment.chunks(request=request_key(TENANT, completed.request_id))
    assert {chunk["lane"] for chunk in chunks} == {lane}


async def test_a_small_request_does_not_wait_behind_a_large_one(deployment: Deployment) -> None:
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        large = a_request(a_crowd(4000)[0])
        small = a_request(["13900000000"], content="Hello")
        await publish(deployment.bootstrap, deployment.topics.requests, large, key=large["request_id"])
        await publish(deployment.bootstrap, deployment.topics.requests_express, small, key=small["request_id"])
        await results.completed(small["request_id"])
        assert len(results.of(DeliveryEvent, large["request_id"])) < 4000
        assert (await results.completed(large["request_id"])).total == 4000


async def test_the_metrics_count_what_the_logs_say_and_name_nobody(deployment: Deployment, consumer: Service) -> None:
    async with httpx.AsyncClient(base_url=consumer.url) as client:
        page = (await client.get("/metrics")).text
    counted = {
        (sample.labels["status"], sample.labels["reason"] or None): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "rollcall_deliveries_total"
    }
    logs = deployment.database["communication_logs"].find()
    assert counted == Counter((log["outcome"], log.get("reason")) for log in logs)
    for name in ("outcome_age_seconds", "chunks_open", "windows_open", "provider_seconds"):
        assert f"rollcall_{name}" in page
    assert MARK not in page
    assert TENANT not in page
