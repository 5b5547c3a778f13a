"""`Idempotency-Key`: the same key and body are one request with one answer, however late the second call comes."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from core.ids import RequestKey
from ledger.idempotency_record import IdempotencyRecord
from ledger.memory.idempotency_key_store import MemoryIdempotencyKeys
from ledger.memory.store import Store
from producer.kafka.memory_publisher import FakeKafkaState
from tests.flow.sample_requests import KEY
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD, NOON, a_service, a_token, gateway_without_mongodb

DIFFERENT_REQUEST = {**GOOD, "content": "Something else"}
BOTH = {**GOOD, "recipients": ["13800138000", {"to": "13900139000", "variables": {"a": "1", "b": "2"}}]}
LARGE = {**GOOD, "recipients": [{"to": f"+86138{n:08}", "variables": {"a": "x" * 250}} for n in range(4_000)]}


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


def assert_conflict(answer: httpx.Response) -> None:
    assert answer.status_code == 409, answer.text
    assert answer.json().keys() == {"code", "message", "timestamp"}
    assert answer.json()["message"].startswith("Idempotency-Key: ")


async def completed(whole: ServiceAndConsumer) -> list[dict[str, Any]]:
    await whole.consume()
    assert not whole.world.events("request.rejected")
    return whole.world.events("request.completed")


@pytest.mark.parametrize("body", [GOOD, BOTH, LARGE])
async def test_a_repeat_publishes_the_same_records_and_gets_the_same_answer(
    whole: ServiceAndConsumer, body: Any
) -> None:
    first = await whole.send(body, key="k")
    half = whole.records()
    whole.service.clock.now = NOON + timedelta(hours=1)
    second = await whole.send(body, key="k")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    records = whole.service.publisher.records
    assert records[:half] == records[half:]
    (one,) = await completed(whole)
    assert one["total"] == len(body["recipients"])


async def test_concurrent_calls_with_one_key_are_one_request(whole: ServiceAndConsumer) -> None:
    answers = await asyncio.gather(*(whole.send(BOTH, key="k") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({part.value for _, part in whole.service.publisher.records}) == 1
    assert [one["total"] for one in await completed(whole)] == [2]


async def test_an_expanded_request_is_not_published_again(whole: ServiceAndConsumer) -> None:
    first = await whole.send(key="k")
    await whole.consume()
    whole.service.clock.now = NOON + timedelta(days=2)
    second = await whole.send(key="k")
    assert (second.status_code, second.content, whole.records()) == (200, first.content, 1)


async def test_another_page_of_the_same_request_may_be_asked_for(whole: ServiceAndConsumer) -> None:
    body = {**GOOD, "recipients": [{"to": "13800138000", "reference": str(number)} for number in range(25)]}
    await whole.send(body, key="k")
    second = (await whole.send(body, "?page=2", key="k")).json()
    assert [item["reference"] for item in second["items"]] == ["20", "21", "22", "23", "24"]


@pytest.mark.parametrize(
    "other",
    [
        DIFFERENT_REQUEST,
        {**GOOD, "recipients": ["13800138001"]},
        {**GOOD, "recipients": [{"to": "13800138000", "reference": "r"}]},
        {**GOOD, "variables": {"a": "b"}},
        {**GOOD, "on_uncertain": "resend"},
        {**GOOD, "send_at": "2026-04-16T00:00:00Z"},
    ],
)
async def test_another_body_is_a_conflict_and_changes_nothing(whole: ServiceAndConsumer, other: Any) -> None:
    first = await whole.send(key="k")
    assert_conflict(await whole.send(other, key="k"))
    assert whole.records() == 1
    assert (await whole.send(key="k")).content == first.content


async def test_one_of_two_concurrent_bodies_is_a_conflict(whole: ServiceAndConsumer) -> None:
    answers = await asyncio.gather(*(whole.send(body, key="k") for body in (GOOD, DIFFERENT_REQUEST) * 5))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [409] * 5
    assert len({part.value for _, part in whole.service.publisher.records}) == 1


async def test_the_same_body_for_another_user_is_a_conflict(whole: ServiceAndConsumer) -> None:
    await whole.send(key="k")
    whole.service.headers = {"Authorization": f"Bearer {a_token(user='usr_b')}"}
    assert_conflict(await whole.send(key="k"))


async def test_another_tenants_key_is_another_key(whole: ServiceAndConsumer) -> None:
    await whole.send(key="k")
    whole.service.headers = {"Authorization": f"Bearer {a_token(tenant='tnt_b')}"}
    assert (await whole.send(DIFFERENT_REQUEST, key="k")).status_code == 200


async def test_the_same_body_may_be_written_differently(whole: ServiceAndConsumer) -> None:
    await whole.send(BOTH, key="k")
    turned = {**BOTH, "recipients": [BOTH["recipients"][0], {"variables": {"b": "2", "a": "1"}, "to": "13900139000"}]}
    spelled = json.dumps(dict(reversed(turned.items())), indent=2, ensure_ascii=True).encode()
    assert (await whole.send(spelled, key="k")).status_code == 200
    assert len(await completed(whole)) == 1


@pytest.mark.parametrize(
    "bad", [{**GOOD, "content": "{{code}}"}, {**GOOD, "recipients": []}, {**GOOD, "template": "t"}]
)
async def test_a_body_that_is_refused_leaves_the_key_free(whole: ServiceAndConsumer, bad: Any) -> None:
    assert (await whole.send(bad, key="k")).status_code in {400, 404}
    assert (await whole.send(key="k")).status_code == 200


async def test_a_repeat_publishes_what_kafka_did_not_accept(whole: ServiceAndConsumer) -> None:
    whole.service.publisher.state = FakeKafkaState.UNAVAILABLE
    assert (await whole.send(key="k")).status_code == 503
    whole.service.publisher.state = FakeKafkaState.AVAILABLE
    whole.service.clock.now = NOON + timedelta(minutes=5)
    assert_conflict(await whole.send(DIFFERENT_REQUEST, key="k"))
    assert (await whole.send(key="k")).json()["items"][0]["created_at"] == "2026-04-15T12:00:00.001000Z"
    assert len(await completed(whole)) == 1


@pytest.mark.parametrize("consumed", [False, True])
async def test_a_repeat_as_the_503_advises_sends_once(whole: ServiceAndConsumer, *, consumed: bool) -> None:
    whole.service.publisher.state = FakeKafkaState.SILENT
    lost = await whole.send()
    assert lost.status_code == 503
    request_id = lost.headers["X-Request-Id"]
    assert f"`Idempotency-Key: {request_id}`" in lost.json()["message"]
    if consumed:
        await whole.consume()
    whole.service.publisher.state = FakeKafkaState.AVAILABLE
    whole.service.clock.now = NOON + timedelta(minutes=5)
    repeated = await whole.send(key=request_id)
    assert (repeated.status_code, repeated.headers["X-Request-Id"]) == (200, request_id)
    assert whole.records() == (1 if consumed else 2)
    (one,) = await completed(whole)
    assert (one["request_id"], one["total"]) == (request_id, 1)
    assert sum(whole.world.providers[0].taken.values()) == 1


async def test_a_request_that_came_without_a_key_is_not_mistaken_for_another(whole: ServiceAndConsumer) -> None:
    request_id = (await whole.send()).headers["X-Request-Id"]
    await whole.consume()
    assert_conflict(await whole.send(DIFFERENT_REQUEST, key=request_id))
    assert_conflict(await whole.send({**GOOD, "recipients": ["13800138001"]}, key=request_id))
    assert (await whole.send(key=request_id)).status_code == 200
    assert whole.records() == 1


async def test_a_request_that_came_over_kafka_is_not_mistaken_for_another(whole: ServiceAndConsumer) -> None:
    await whole.world.expand(whole.world.record("13800138000", tenant_id="tnt_a", request_id="k"))
    assert_conflict(await whole.send(key="k"))


async def test_sealing_keys_may_be_rotated() -> None:
    newer = f"k2:{base64.b64encode(b'2' * 32).decode()}"
    async with ServiceAndConsumer() as before:
        first = await before.send(key="k")
        async with a_service(before.world.ledger, sealing_keys=f"{newer},{KEY}") as after:
            assert (await after.send(**{"Idempotency-Key": "k"})).content == first.content
            assert_conflict(await after.send(DIFFERENT_REQUEST, **{"Idempotency-Key": "k"}))
        async with a_service(before.world.ledger, sealing_keys=newer) as forgetful:
            answer = await forgetful.send(**{"Idempotency-Key": "k"})
            assert_conflict(answer)
            assert "sealing key" in answer.json()["message"]


async def test_a_repeat_uses_the_same_version_of_the_template(whole: ServiceAndConsumer) -> None:
    templates, body = whole.world.ledger.templates, {**GOOD, "content": "", "template": "t"}
    await templates.put("tnt_a", "t", "old", None)
    first = await whole.send(body, key="k")
    await templates.put("tnt_a", "t", "new {{needs}}", None)
    assert (await whole.send(body, key="k")).content == first.content
    assert [item["content"] for item in first.json()["items"]] == ["old"]
    assert {request.template_version for request in whole.service.published()} == {1}
    assert len(await completed(whole)) == 1


class LateKeys(MemoryIdempotencyKeys):
    """Keys that this call looks up a moment before another call reserves them."""

    async def get(self, key: RequestKey) -> IdempotencyRecord | None:
        del key
        return None


async def test_the_call_that_loses_the_race_for_a_key_uses_the_decisions_of_the_winner(
    whole: ServiceAndConsumer,
) -> None:
    ledger, body = whole.world.ledger, {**GOOD, "content": "", "template": "t"}
    ledger.keys = LateKeys(Store(ledger.now))
    await ledger.templates.put("tnt_a", "t", "old", None)
    first = await whole.send(body, key="k")
    await ledger.templates.put("tnt_a", "t", "new", None)
    whole.service.clock.now = NOON + timedelta(seconds=1)
    assert (await whole.send(body, key="k")).content == first.content
    (one, other) = whole.service.publisher.records
    assert one == other


async def test_without_mongodb_a_call_with_a_key_is_503_and_one_without_is_accepted() -> None:
    async with a_service(gateway=gateway_without_mongodb()) as service:
        answer = await service.send(**{"Idempotency-Key": "k"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["message"].endswith(". Nothing was sent by this call.")
        assert service.publisher.records == []
        assert (await service.send()).status_code == 200
