"""`Prefer: handling=lenient`: a recipient that lacks a variable fails alone, as over Kafka."""

from collections.abc import AsyncIterator

import pytest

from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD

LI = {"to": "13800138000", "variables": {"name": "Li"}}
BODY = {**GOOD, "content": "hi {{name}}", "recipients": [LI, "13900139000"]}
REFUSED = "recipients[1].variables.name: is used in content. Give it here or in `variables`."


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


async def test_a_recipient_without_a_variable_fails_alone(whole: ServiceAndConsumer) -> None:
    answer = await whole.send(BODY, key="k", Prefer="handling=lenient")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "handling=lenient")
    assert [item.get("content") for item in answer.json()["items"]] == ["hi Li", None]
    await whole.consume()
    logs = [log async for log in whole.world.ledger.logs.iterate_request(whole.key("k"))]
    assert [(log.status.value, log.reason and log.reason.value) for log in logs] == [
        ("sent", None),
        ("failed", "missing_variable"),
    ]


async def test_without_the_preference_the_call_is_refused(whole: ServiceAndConsumer) -> None:
    for preference in ("wait=1", "handling=strict"):
        answer = await whole.send(BODY, Prefer=preference)
        assert (answer.status_code, answer.json()["message"]) == (400, REFUSED)
    assert whole.records() == 0


async def test_a_repeat_with_the_preference_gets_the_same_answer(whole: ServiceAndConsumer) -> None:
    first = await whole.send(BODY, key="k", Prefer="handling=lenient")
    await whole.consume()
    again = await whole.send(BODY, key="k", Prefer="handling=lenient")
    assert again.json() == first.json()
    assert whole.records() == 1


async def test_both_preferences_are_applied(whole: ServiceAndConsumer) -> None:
    answer = await whole.send(BODY, Prefer="wait=0, handling=lenient")
    assert answer.headers["Preference-Applied"] == "handling=lenient, wait=0"


async def test_other_checks_stay(whole: ServiceAndConsumer) -> None:
    answer = await whole.send({**BODY, "content": "hi {{name"}, Prefer="handling=lenient")
    assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, "content")
