"""The service describes itself: every operation, every answer, an example of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from producer.document import describe
from tests.front import a_service

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
OPERATIONS = {
    operation["operationId"]: (path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for operation in methods.values()
}
OF_TENANTS = {name: operation for name, (path, operation) in OPERATIONS.items() if path.startswith("/communication")}


async def test_the_document_is_served_as_it_stands_in_the_docs() -> None:
    async with a_service() as service:
        served = await service.client.get("/openapi.json")
        assert served.json() == DOCUMENT == json.loads(json.dumps(describe(service.app)))


@pytest.mark.parametrize("name", OF_TENANTS)
def test_each_operation_shows_an_example_and_names_its_errors(name: str) -> None:
    operation: dict[str, Any] = OF_TENANTS[name]
    answers = operation["responses"]
    assert answers["200"]["content"]["application/json"]["example"]
    assert {"400", "401", "403", "500", "503"} <= answers.keys()
    assert "422" not in answers
    assert operation["security"] == [{"bearerAuth": []}]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert content["examples"]


async def test_the_examples_of_bodies_are_taken() -> None:
    async with a_service() as service:
        examples = OPERATIONS["send_bulk"][1]["requestBody"]["content"]["application/json"]["examples"]
        for example in examples.values():
            body = {**example["value"], "user_id": "usr_a"}
            assert (await service.send(body)).status_code == 200
