"""Texts with secret variables, as HTTP shows them before and after the outcome. The values are in no answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.flow.sample_requests import READ
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.polling import wait_until
from tests.support.service import GOOD, a_token

CODE, PIN = "864209", "97531"
BODY: dict[str, Any] = {
    **GOOD,
    "content": "{{name}}: {{code}}, {{pin}}",
    "recipients": [{"to": "13800138000", "variables": {"code": CODE, "name": "Wei"}}],
    "variables": {"pin": PIN},
    "secret_variables": ["code", "pin"],
}
SHOWN = "Wei: ***, ***"


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


async def everything_shown(whole: ServiceAndConsumer, request_id: str) -> list[str]:
    """Return the body of each answer that shows the delivery."""
    client, headers = whole.service.client, {"Authorization": f"Bearer {a_token(READ)}"}
    listed = await client.get(f"/communication/logs?request_id={request_id}", headers=headers)
    (item,) = listed.json()["items"]
    assert item["content"] == SHOWN
    one = await client.get(f"/communication/logs/{item['id']}", headers=headers)
    assert one.json()["content"] == SHOWN
    found = await client.post("/communication/logs/search", json={"recipient": "13800138000"}, headers=headers)
    assert [item["content"] for item in found.json()["items"]] == [SHOWN]
    requests = await client.get(f"/communication/requests/{request_id}", headers=headers)
    return [answer.text for answer in (listed, one, found, requests)]


async def test_no_answer_shows_the_value_before_or_after_the_outcome(whole: ServiceAndConsumer) -> None:
    first = await whole.send(BODY, key="k")
    assert first.status_code == 200, first.text
    answers = [first.text]
    await whole.expand()
    answers += await everything_shown(whole, "k")
    answers.append((await whole.send(BODY, key="k")).text)
    await whole.consume()
    answers += await everything_shown(whole, "k")
    answers.append((await whole.send(BODY, key="k")).text)

    assert first.json()["items"][0]["content"] == SHOWN
    assert answers[0] == answers[5] == answers[-1]
    assert not [answer for answer in answers if CODE in answer or PIN in answer]
    assert [message.text for message in whole.world.providers[0].texts.values()] == [f"Wei: {CODE}, {PIN}"]


async def test_a_waiting_caller_gets_a_masked_text(whole: ServiceAndConsumer) -> None:
    waiting = asyncio.create_task(whole.send(BODY, Prefer="wait=20"))
    await wait_until(lambda: whole.records() >= 1, seconds=10)
    await whole.consume()
    answer = await waiting
    assert [(item["status"], item["content"]) for item in answer.json()["items"]] == [("sent", SHOWN)]
    assert CODE not in answer.text


async def test_a_repeat_with_another_value_is_another_body(whole: ServiceAndConsumer) -> None:
    await whole.send(BODY, key="k")
    answer = await whole.send({**BODY, "variables": {"pin": "1"}}, key="k")
    assert answer.status_code == 409
    assert PIN not in answer.text


async def test_the_length_of_the_mask_tells_nothing(whole: ServiceAndConsumer) -> None:
    for value in ("", "1", "x" * 500):
        answer = await whole.send({**BODY, "variables": {"pin": value}})
        assert answer.json()["items"][0]["content"] == SHOWN


async def test_a_secret_in_html_is_masked(whole: ServiceAndConsumer) -> None:
    mail = {**BODY, "channel": "email", "subject": "Code {{code}}", "content": "<p title='{{pin}}'>{{code}}</p>"}
    person = {"to": "wei@example.com", "variables": {"code": "<864209>"}}
    answer = await whole.send({**mail, "recipients": [person]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"][0]["content"] == "<p title='***'>***</p>"
    await whole.consume()
    (message,) = whole.world.providers[1].texts.values()
    assert (message.subject, message.text) == ("Code <864209>", "<p title='97531'>&lt;864209&gt;</p>")


async def test_secret_variables_of_a_template_are_masked(whole: ServiceAndConsumer) -> None:
    await whole.world.ledger.templates.put("tnt_a", "login", BODY["content"], None, secret_variables=["code", "pin"])
    body = {name: value for name, value in BODY.items() if name != "secret_variables"}
    for given in ({}, {"secret_variables": None}, {"secret_variables": []}, {"secret_variables": ["name"]}):
        answer = await whole.send({**body, "content": "", "template": "login", **given})
        assert answer.status_code == 200, answer.text
        name = "***" if "name" in str(given) else "Wei"
        assert answer.json()["items"][0]["content"] == f"{name}: ***, ***"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secret_variables": ["code", "pim"]}, "secret_variables[1]: is used in neither content nor subject"),
        ({"subject": "{{otp}}", "secret_variables": ["otp"]}, "secret_variables[0]: is used in neither"),
        ({"secret_variables": ["code", "code"]}, "secret_variables[1]: is named twice"),
        ({"secret_variables": [7]}, "secret_variables[0]: "),
        ({"secret_variables": "code"}, "secret_variables: "),
        ({"secret_variables": [f"v{n}" for n in range(51)]}, "secret_variables: "),
        ({"keep_secret_variables": 1}, "keep_secret_variables: "),
    ],
)
async def test_a_secret_variable_that_no_text_names_is_refused(
    whole: ServiceAndConsumer, changes: dict[str, Any], message: str
) -> None:
    answer = await whole.send({**BODY, **changes})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message), answer.text
    assert whole.records() == 0


async def test_a_secret_variable_that_the_template_does_not_name_is_refused(whole: ServiceAndConsumer) -> None:
    await whole.world.ledger.templates.put("tnt_a", "login", "{{code}}", None)
    answer = await whole.send({**BODY, "content": "", "template": "login"})
    assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, "secret_variables[1]")


async def test_the_fields_travel_to_the_stored_request_and_only_if_they_are_given(whole: ServiceAndConsumer) -> None:
    await whole.send({**BODY, "keep_secret_variables": True}, key="with")
    await whole.send(GOOD, key="without")
    given, absent = (part.value for _, part in whole.service.publisher.records)
    assert b'"secret_variables":["code","pin"],"keep_secret_variables":true' in given
    assert b"secret" not in absent
    await whole.consume()
    stored = await whole.world.ledger.requests.get(whole.key("with"))
    assert stored is not None
    assert (stored.header.secret_variables, stored.header.keep_secret_variables) == (("code", "pin"), True)
    shown = (await whole.service.get("/communication/requests/with", a_token(READ))).json()
    assert (shown["secret_variables"], shown["keep_secret_variables"]) == (["code", "pin"], True)
    assert "secret" not in (await whole.service.get("/communication/requests/without", a_token(READ))).text


async def test_neither_logs_nor_metrics_show_a_value(
    whole: ServiceAndConsumer, capsys: pytest.CaptureFixture[str]
) -> None:
    await whole.send(BODY, key="k")
    await whole.send({**BODY, "secret_variables": ["nothing"]})
    await whole.consume()
    written = capsys.readouterr().out + (await whole.service.client.get("/metrics")).text
    assert "request completed" in written
    assert CODE not in written
    assert PIN not in written
