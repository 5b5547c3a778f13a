"""The OpenAPI document of the service: every operation, every response, and an example of each."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from cli.admin.development_token import issue_token
from core.ids import RequestKey
from ledger.memory.chunk_store import MemoryChunks
from ledger.memory.request_store import MemoryRequests
from ledger.memory.store import Store
from ledger.models import StoredRequest
from producer.kafka.memory_publisher import FakeKafkaState
from producer.openapi.document import build_document
from producer.openapi.examples import ERRORS
from tests.support.repository import ROOT
from tests.support.service import GOOD, SECRET, Service, a_service, a_token

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
OPERATIONS = {
    operation["operationId"]: (path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for operation in methods.values()
}
PAGES = {"show_unsubscribe_page", "unsubscribe"}
OF_TENANTS = {
    name: operation for name, (path, operation) in OPERATIONS.items() if "/communication/" in path and name not in PAGES
}


async def test_the_served_document_is_the_one_in_the_docs() -> None:
    async with a_service() as service:
        served = await service.client.get("/openapi.json")
        assert served.json() == DOCUMENT == json.loads(json.dumps(build_document(service.app)))


@pytest.mark.parametrize("name", OF_TENANTS)
def test_each_operation_shows_an_example_and_names_its_errors(name: str) -> None:
    operation: dict[str, Any] = OF_TENANTS[name]
    answers = operation["responses"]
    success = next(answers[status] for status in ("200", "201", "204") if status in answers)
    assert all(content["example"] for content in success.get("content", {}).values())
    assert {"400", "401", "403", "500", "503"} <= answers.keys()
    assert "422" not in answers
    with_token = [{"bearerAuth": []}, *([{}] if name == "channel_health" else [])]
    assert operation["security"] == ([] if name.startswith(("receive_callback", "receive_inbound")) else with_token)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert content["examples"]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_needs_no_token_and_is_html_whatever_is_wrong(name: str) -> None:
    _, operation = OPERATIONS[name]
    answers = operation["responses"]
    assert operation["security"] == []
    assert [list(answers[status]["content"]) for status in ("200", "404", "429", "503")] == [["text/html"]] * 4
    assert all("X-Request-Id" in answers[status]["headers"] for status in ("200", "404", "429", "503"))


async def test_the_examples_of_bodies_are_accepted() -> None:
    async with a_service() as service:
        examples = OPERATIONS["send_bulk"][1]["requestBody"]["content"]["application/json"]["examples"]
        for example in examples.values():
            body = {**example["value"], "user_id": "usr_a"}
            assert (await service.send(body)).status_code == 200


class BrokenRequests(MemoryRequests):
    """Requests that cannot be read because of a fault in the code."""

    async def get(self, key: RequestKey) -> StoredRequest | None:
        raise RuntimeError(key)


async def expired(service: Service) -> httpx.Response:
    token = issue_token(SECRET, "tnt_a", "usr_a", ["communication:send"], -3600)
    return await service.send(Authorization=f"Bearer {token}")


async def without_kafka(service: Service) -> httpx.Response:
    service.publisher.state = FakeKafkaState.UNAVAILABLE
    return await service.send()


async def another_body(service: Service) -> httpx.Response:
    await service.send(**{"Idempotency-Key": "k"})
    return await service.send({**GOOD, "content": "Something else"}, **{"Idempotency-Key": "k"})


async def unknown_request(service: Service) -> httpx.Response:
    return await service.get("/communication/requests/unknown", a_token("communication:read"))


async def ledger_fault(service: Service) -> httpx.Response:
    service.ledger.requests = BrokenRequests(store := Store(service.ledger.now), MemoryChunks(store))
    return await unknown_request(service)


async def too_many_calls(service: Service) -> httpx.Response:
    for _ in range(40):
        await service.send()
    return await service.send()


PROVOKED: dict[str, Callable[[Service], Awaitable[httpx.Response]]] = {
    "400": lambda service: service.send({**GOOD, "recipients": [*(["13800138000"] * 17), {}]}),
    "401": expired,
    "403": lambda service: service.send(Authorization=f"Bearer {a_token('communication:read')}"),
    "404": unknown_request,
    "409": another_body,
    "413": lambda service: service.send(b" " * (16 * 1024 * 1024 + 1)),
    "415": lambda service: service.send(**{"Content-Type": "text/plain"}),
    "429": too_many_calls,
    "500": ledger_fault,
    "503": without_kafka,
}
BEFORE_THE_APP = {"408", "431"}
"""Statuses of requests that did not arrive whole. Their examples come from the function or text of the service."""


@pytest.mark.parametrize("status", PROVOKED)
async def test_the_example_of_each_error_has_the_message_of_the_service(status: str) -> None:
    async with a_service(http_token_calls_per_second=10) as service:
        answer = await PROVOKED[status](service)
    assert (answer.status_code, answer.json()["message"]) == (int(status), ERRORS[status]["message"])


def test_no_example_of_an_error_is_left_out() -> None:
    assert ERRORS.keys() == PROVOKED.keys() | BEFORE_THE_APP
