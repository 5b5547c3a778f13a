"""`POST /communication/bulk` through the whole service, with a publisher in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from core.ids import log_id, request_key
from producer.kafka.memory_publisher import FakeKafkaState
from schemas.topic_definitions import MAX_INTAKE_BYTES
from tests.support.service import BULK, GOOD, NOON, Service, a_service, a_token


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_service() as made:
        yield made


def assert_refused(answer: httpx.Response, status: int, message: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"code", "message", "timestamp"}
    assert body["code"] == status
    assert message in body["message"], body["message"]


async def test_the_request_is_published_with_all_its_fields(service: Service) -> None:
    recipients = ["13800138000", {"to": "13900139000", "variables": {"code": "7"}, "reference": "order-17"}]
    body = {**GOOD, "content": "{{code}}", "variables": {"code": "1"}, "recipients": recipients}
    assert (await service.send(body)).status_code == 200
    (request,) = service.published()
    assert (request.tenant_id, request.user_id) == ("tnt_a", "usr_a")
    assert request.accepted_at == NOON.replace(microsecond=1000)
    assert (request.part, request.last, request.schema_version) == (0, True, 1)
    ((topic, part),) = service.publisher.records
    assert topic == "communication.bulk.requests.express"
    assert json.loads(part.value)["recipients"] == recipients
    assert part.key.decode() == request.request_id


async def test_a_request_without_a_key_gets_a_uuid7(service: Service) -> None:
    answer = await service.send()
    assert answer.headers["X-Request-Id"] == "019d9103-3601-7c1c-8707-070707070707"


async def test_each_item_has_the_log_id_of_its_position_and_its_text(service: Service) -> None:
    recipients = ["13800138000", {"to": "13900139000", "variables": {"code": "7"}, "reference": "order-17"}]
    body = {**GOOD, "content": "Your code: {{code}}", "variables": {"code": "1"}, "recipients": recipients}
    items = (await service.send(body, **{"Idempotency-Key": "my-key"})).json()["items"]
    key = request_key("tnt_a", "my-key")
    assert [item["id"] for item in items] == [log_id(key, 0, 0), log_id(key, 0, 1)]
    assert [item["content"] for item in items] == ["Your code: 1", "Your code: 7"]
    assert [item.get("reference") for item in items] == [None, "order-17"]


async def test_variables_are_escaped_in_html_mail(service: Service) -> None:
    recipient = {"to": "alice@example.com", "variables": {"name": "<b>"}}
    body = {"channel": "email", "subject": "Hi", "content": "<p>{{name}}</p>", "recipients": [recipient]}
    (item,) = (await service.send(body)).json()["items"]
    assert (item["content"], item["recipient"]) == ("<p>&lt;b&gt;</p>", "a***@example.com")


@pytest.mark.parametrize(
    ("send_at", "status"),
    [(None, "pending"), ("2026-04-15T11:00:00Z", "pending"), ("2026-04-16T09:00:00+08:00", "scheduled")],
)
async def test_a_request_with_a_future_send_at_is_scheduled(service: Service, send_at: str | None, status: str) -> None:
    (item,) = (await service.send({**GOOD, "send_at": send_at})).json()["items"]
    assert item["status"] == status


async def test_an_invalid_address_is_accepted_and_masked(service: Service) -> None:
    answer = await service.send({**GOOD, "recipients": ["not a number"]})
    assert answer.status_code == 200
    assert answer.json()["items"][0]["recipient"] == "n***r"


async def test_pages_follow_the_order_of_the_request(service: Service) -> None:
    body = {**GOOD, "recipients": [{"to": "13800138000", "reference": str(number)} for number in range(45)]}
    seen = []
    for page, (has_next, has_prev) in enumerate([(True, False), (True, True), (False, True), (False, True)], 1):
        answer = (await service.send(body, f"?page={page}")).json()
        assert answer["pagination"] == {
            "page": page,
            "page_size": 20,
            "total": 45,
            "total_pages": 3,
            "has_next": has_next,
            "has_prev": has_prev,
        }
        seen += [item["reference"] for item in answer["items"]]
    assert seen == [str(number) for number in range(45)]


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?page_size=0", "?page_size=101", "?page=1e3"])
async def test_an_invalid_page_is_refused_by_name(service: Service, query: str) -> None:
    assert_refused(await service.send(None, query), 400, query[1:].partition("=")[0])
    assert service.publisher.records == []


async def test_a_page_holds_up_to_a_hundred(service: Service) -> None:
    answer = await service.send({**GOOD, "recipients": ["13800138000"] * 150}, "?page_size=100")
    assert len(answer.json()["items"]) == 100


@pytest.mark.parametrize(
    ("count", "topic"), [(500, "communication.bulk.requests.express"), (501, "communication.bulk.requests")]
)
async def test_more_than_a_chunk_takes_the_bulk_lane(service: Service, count: int, topic: str) -> None:
    await service.send({**GOOD, "recipients": ["13800138000"] * count})
    assert [record[0] for record in service.publisher.records] == [topic]


async def test_a_large_body_is_split_and_every_log_id_is_that_of_its_part(service: Service) -> None:
    recipients = [{"to": f"+86138{n:08}", "variables": {"a": "x" * 200}, "reference": str(n)} for n in range(9_000)]
    answer = await service.send({**GOOD, "recipients": recipients}, "?page=90&page_size=100")
    parts = service.published()
    assert len(parts) > 1
    assert all(len(part.value) <= MAX_INTAKE_BYTES for _, part in service.publisher.records)
    assert {topic for topic, _ in service.publisher.records} == {"communication.bulk.requests"}
    key = request_key("tnt_a", answer.headers["X-Request-Id"])
    expected = [log_id(key, part.part, index) for part in parts for index in range(len(part.recipients))]
    assert [item["id"] for item in answer.json()["items"]] == expected[8_900:9_000]


async def test_a_key_becomes_the_request_id(service: Service) -> None:
    answer = await service.send(**{"Idempotency-Key": "order-2026:17"})
    assert answer.headers["X-Request-Id"] == "order-2026:17"
    assert [request.request_id for request in service.published()] == ["order-2026:17"]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "-a", "a" * 129, "a\tb"])
async def test_a_key_that_cannot_be_an_id_is_refused(service: Service, key: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"idempotency-key", key.encode())]
    headers.append((b"authorization", f"Bearer {a_token()}".encode()))
    answer = await service.client.post(BULK, content=orjson.dumps(GOOD), headers=headers)
    assert_refused(answer, 400, "Idempotency-Key: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channel": "fax"}, "channel: "),
        ({"recipients": []}, "recipients: "),
        ({"recipients": ["1", {"to": 2}]}, "recipients[1].to: "),
        ({"unknown": 1}, "(unknown): "),
        ({"content": "{{code}}"}, "recipients[0].variables.code: "),
        (
            {
                "channel": "email",
                "content": "{{a}}",
                "subject": "{{b}}",
                "recipients": [
                    {"to": "a@example.com", "variables": {"a": "1"}},
                    {"to": "b@example.com", "variables": {"b": "1"}},
                ],
            },
            "recipients[1].variables.a: ",
        ),
        (
            {"content": "{{code}}", "recipients": [{"to": "1", "variables": {"code": "1"}}, "2"]},
            "recipients[1].variables.code: ",
        ),
        ({"content": "{{a"}, "content: malformed placeholder"),
        ({"content": "x" * MAX_INTAKE_BYTES}, "content: "),
        (
            {"recipients": [{"to": "1", "variables": {"a": "x" * MAX_INTAKE_BYTES}}]},
            "recipients[0].variables.(unknown): ",
        ),
        ({"subject": "a\r\nBcc: b@example.com"}, "subject: "),
        ({"channel": "email", "subject": "a\nBcc: b@example.com"}, "subject: "),
        ({"channel": "email", "subject": "a\u0000"}, "subject: "),
        ({"channel": "email", "subject": "{{who}}"}, "recipients[0].variables.who: "),
        ({"channel": "email", "subject": "{{who"}, "subject: "),
        ({"reply_topic": "somebody.elses"}, "reply_topic: "),
        ({"send_at": "soon"}, "send_at: "),
        ({"send_at": "2026-05-01T00:00:00Z", "expires_at": "2026-05-01T00:00:00Z"}, "expires_at: "),
        ({"send_at": "2026-05-01T00:00:00"}, "send_at: "),
        ({"send_at": 1776300000}, "send_at: "),
        ({"send_at": "2026-05-01"}, "send_at: "),
        ({"send_at": "2026-13-01T00:00:00Z"}, "send_at: "),
        ({"send_at": "2027-04-17T00:00:00Z"}, "send_at: must be at most a year ahead"),
        ({"send_at": "9999-12-31T23:59:59-12:00"}, "send_at: "),
        ({"send_at": "0001-01-01T00:00:00+14:00"}, "send_at: "),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at: "),
        ({"expires_at": "2026-04-15T12:00:00Z"}, "expires_at: has passed"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at: "),
        ({"expires_at": "2028-05-01T00:00:00Z"}, "expires_at: must be at most two years ahead"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_published(
    service: Service, changes: dict[str, Any], message: str
) -> None:
    assert_refused(await service.send({**GOOD, **changes}), 400, message)
    assert service.publisher.records == []


@pytest.mark.parametrize(
    ("send_at", "warnings", "status"),
    [
        ("2026-04-15T12:00:00Z", ["send_at: has passed. The messages are sent at once."], "pending"),
        ("2026-04-15T12:00:01Z", None, "scheduled"),
        (None, None, "pending"),
    ],
)
async def test_a_send_at_that_has_passed_is_warned_about(
    service: Service, send_at: str | None, warnings: list[str] | None, status: str
) -> None:
    answer = (await service.send({**GOOD, "send_at": send_at})).json()
    assert (answer.get("warnings"), answer["items"][0]["status"]) == (warnings, status)


async def test_a_variable_in_the_subject_of_an_sms_is_not_required(service: Service) -> None:
    assert (await service.send({**GOOD, "subject": "{{ignored"})).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 300_000])
async def test_a_body_that_is_not_a_request_is_refused(service: Service, body: bytes) -> None:
    assert_refused(await service.send(body), 400, "the body is not ")


@pytest.mark.parametrize(
    ("topic", "status"),
    [
        ("communication.results", 200),
        ("shop.results.eu", 200),
        ("Shop.results.eu", 400),
        ("shop.resultsx", 400),
        ("communication.bulk.requests", 400),
    ],
)
async def test_results_go_to_allowed_topics_only(topic: str, status: int) -> None:
    made = a_service(reply_topics=("shop.results.*", "communication.*"))
    async with made.client:
        assert (await made.send({**GOOD, "reply_topic": topic})).status_code == status


async def test_a_reply_topic_that_does_not_exist_is_refused_and_one_that_may_not_be_asked_for_is_accepted() -> None:
    made = a_service(reply_topics=("replies.*",))
    made.publisher.missing_topics, made.publisher.hidden_topics = {"replies.nobody"}, {"replies.hidden"}
    async with made.client:
        refused = await made.send({**GOOD, "reply_topic": "replies.nobody"})
        assert refused.status_code == 400
        assert refused.json()["message"] == "reply_topic: does not exist. Create the topic first."
        assert not made.publisher.records
        assert (await made.send({**GOOD, "reply_topic": "replies.hidden"})).status_code == 200


async def test_a_repeated_call_is_answered_as_before_although_its_reply_topic_was_deleted() -> None:
    made = a_service(reply_topics=("replies.*",))
    body = {**GOOD, "reply_topic": "replies.shop"}
    async with made:
        first = await made.send(body, **{"Idempotency-Key": "order-1"})
        made.publisher.missing_topics = {"replies.shop"}
        again = await made.send(body, **{"Idempotency-Key": "order-1"})
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json() == first.json()
        assert (await made.send(body, **{"Idempotency-Key": "order-2"})).status_code == 400


async def test_a_limit_on_recipients_is_kept() -> None:
    made = a_service(max_recipients=3)
    async with made.client:
        assert (await made.send({**GOOD, "recipients": ["1"] * 3})).status_code == 200
        assert_refused(await made.send({**GOOD, "recipients": ["1"] * 4}), 400, "recipients: ")


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 1_000


async def test_a_body_that_is_too_large_is_refused_by_its_length_and_during_its_arrival() -> None:
    made = a_service(max_body_bytes=100_000)
    async with made.client:
        assert_refused(await made.send(b" " * 100_001), 413, "100000 bytes")
        headers = {"Content-Type": "application/json", **made.headers}
        answer = await made.client.post(BULK, content=chunks(101), headers=headers)
        assert_refused(answer, 413, "100000 bytes")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Prefer", "a" + " " * 1_000),
        ("Content-Type", "application/json" + ";" * 1_000),
        ("Authorization", "x" * 20_000),
    ],
)
async def test_a_header_value_that_is_too_long_is_refused(service: Service, name: str, value: str) -> None:
    assert_refused(await service.send(**{name: value}), 400, f"{name}: must have at most")


async def test_another_content_type_is_refused(service: Service) -> None:
    assert_refused(await service.send(**{"Content-Type": "application/x-www-form-urlencoded"}), 415, "application/json")


async def test_a_call_without_a_token_gets_a_challenge(service: Service) -> None:
    service.headers = {}
    for answer in (
        await service.send(),
        await service.send(b"{", "?page=x"),
        await service.send(None, f"?access_token={a_token()}"),
    ):
        assert_refused(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("scopes", "body", "status"),
    [
        (["communication:read"], GOOD, 403),
        (["communication:admin"], GOOD, 200),
        (["communication:send"], {**GOOD, "user_id": "usr_a"}, 200),
        (["communication:send"], {**GOOD, "user_id": "usr_b"}, 403),
        (["communication:send_as"], {**GOOD, "user_id": "usr_b"}, 403),
        (["communication:send", "communication:send_as"], {**GOOD, "user_id": "usr_b"}, 200),
        (["communication:admin"], {**GOOD, "user_id": "usr_b"}, 200),
        (["communication:send"], {**GOOD, "tenant_id": "tnt_a"}, 200),
        (["communication:admin"], {**GOOD, "tenant_id": "tnt_b"}, 403),
    ],
)
async def test_the_scopes_of_a_token_decide_about_the_call(
    service: Service, scopes: list[str], body: dict[str, Any], status: int
) -> None:
    service.headers = {"Authorization": f"Bearer {a_token(*scopes)}"}
    answer = await service.send(body)
    if status == 403:
        assert_refused(answer, 403)
        assert "insufficient_scope" in answer.headers["WWW-Authenticate"]
        assert service.publisher.records == []
    else:
        assert answer.status_code == 200
        assert answer.json()["items"][0]["user_id"] == body.get("user_id", "usr_a")


async def test_without_kafka_the_service_answers_that_nothing_was_sent(service: Service) -> None:
    service.publisher.state = FakeKafkaState.UNAVAILABLE
    answer = await service.send()
    assert_refused(answer, 503, "Nothing was sent")
    assert int(answer.headers["Retry-After"]) > 0


async def test_without_an_acknowledgement_the_service_asks_for_a_repeat_under_the_same_id(service: Service) -> None:
    service.publisher.state = FakeKafkaState.SILENT
    answer = await service.send()
    assert_refused(
        answer, 503, f"may still be sent. Repeat it with `Idempotency-Key: {answer.headers['X-Request-Id']}`"
    )
    service.publisher.state = FakeKafkaState.AVAILABLE
    repeat = await service.send(**{"Idempotency-Key": answer.headers["X-Request-Id"]})
    assert repeat.status_code == 200
    (one, other) = service.publisher.records
    assert one == other


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("POST", "/communication/bulk/", 404),
        ("GET", "/communication/bulk", 405),
        ("PUT", "/healthz", 405),
    ],
)
async def test_an_unknown_route_gets_an_error_of_the_contract(
    service: Service, method: str, path: str, status: int
) -> None:
    answer = await service.client.request(method, path)
    assert_refused(answer, status)
    if status == 405:
        assert answer.headers["allow"]


async def test_an_internal_error_is_a_500_that_reveals_nothing(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("13800138000")

    service.publisher.publish = broken  # type: ignore[method-assign]
    assert_refused(await service.send(), 500, "internal server error")
    output = capfd.readouterr()
    assert "RuntimeError" in output.out
    assert "13800138000" not in output.out + output.err


async def test_health_readiness_and_metrics_need_no_token(service: Service) -> None:
    assert (await service.client.get("/healthz")).status_code == 200
    ready = await service.client.get("/readyz")
    well = {"ready": True, "trouble": None}
    assert (ready.status_code, ready.json()["dependencies"]) == (200, {"kafka": well, "mongodb": well})
    await service.send({**GOOD, "recipients": ["1"] * 7})
    await service.client.get("/no/13800138000")
    metrics = (await service.client.get("/metrics")).text
    assert 'rollcall_recipients_accepted_total{channel="sms",lane="express"} 7.0' in metrics
    assert 'rollcall_http_requests_total{code="200",route="/communication/bulk"} 1.0' in metrics
    assert 'rollcall_http_requests_total{code="404",route="other"} 1.0' in metrics
    assert "13800138000" not in metrics


async def test_without_kafka_the_service_is_alive_and_not_ready(service: Service) -> None:
    service.publisher.state = FakeKafkaState.UNAVAILABLE
    assert (await service.client.get("/healthz")).status_code == 200
    ready = await service.client.get("/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, 503)
    assert ready.json()["dependencies"]["kafka"]["ready"] is False


async def test_logs_hold_neither_addresses_nor_queries_nor_tokens(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    await service.send({**GOOD, "content": "confidential"}, "?page=1&secret=13800138000")
    await service.client.get("/13800138000?a=13800138000")
    output = capfd.readouterr()
    assert service.headers["Authorization"][7:] not in output.out
    for word in ("13800138000", "secret", "confidential"):
        assert word not in output.out + output.err
    assert "/communication/bulk" in output.out


async def test_small_calls_are_answered_while_a_large_one_is_processed() -> None:
    made = a_service()
    async with made.client:
        large = {**GOOD, "recipients": [{"to": f"+86138{n:08}", "variables": {"a": "b"}} for n in range(100_000)]}
        under_way = asyncio.create_task(made.send(large))
        answered = 0
        while not under_way.done():
            assert (await made.send()).status_code == 200
            answered += 1
            await asyncio.sleep(0)  # in process nothing else lets the large one on
        assert (await under_way).status_code == 200
        assert answered > 50


async def test_the_service_sets_the_time_of_acceptance(service: Service) -> None:
    answer = (await service.send()).json()
    assert datetime.fromisoformat(answer["timestamp"]) == NOON.replace(microsecond=1000)
    assert datetime.fromisoformat(answer["items"][0]["created_at"]) - NOON < timedelta(milliseconds=1)
