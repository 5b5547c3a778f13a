"""Export and erasure of the data about a person, over HTTP."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ledger.audit_port import AuditAction
from ledger.queries import LogPage, LogQuery
from producer.personal_data.export import TOO_MANY
from producer.personal_data.exported_data import DELIVERIES_AT_ONCE
from tests.flow.consumer.erased import finish
from tests.flow.producer.personal_data import ADDRESSES, ADMIN, INTERNAL, ask, erase, export, export_lines
from tests.flow.producer.suppressed import ADDRESSES as WHOLE
from tests.flow.producer.suppressed import MANAGE, OPTED_OUT, add, call
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import GOOD, a_service, gateway_without_mongodb

ANN, BOB = "+8613800138000", "+8613900139000"
TO_ANN = {"address": "138 0013 8000", "channel": "sms"}
CODE = {**GOOD, "content": "Your code is {{code}}", "variables": {"code": "7"}}


@pytest.fixture
async def both() -> AsyncIterator[ServiceAndConsumer]:
    made = ServiceAndConsumer()
    made.service.clock.random_bytes = os.urandom
    async with made:
        yield made


async def send(both: ServiceAndConsumer, *recipients: Any, **fields: Any) -> None:
    answer = await both.send({**CODE, "recipients": list(recipients), **fields})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("what", ["export", "erase"])
@pytest.mark.parametrize(
    ("scopes", "missing"),
    [((ADMIN,), INTERNAL), (("communication:send", "communication:read"), INTERNAL), ((ADDRESSES,), INTERNAL)],
)
async def test_only_the_scope_of_its_own_opens_the_routes(what: str, scopes: tuple[str, ...], missing: str) -> None:
    async with a_service() as service:
        answer = await ask(service, what, TO_ANN, *scopes)

    assert (answer.status_code, answer.json()["message"]) == (403, f"the token lacks the scope {missing}")


@pytest.mark.parametrize("what", ["export", "erase"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "user_id: is required, unless address and channel are given"),
        ({"user_id": ""}, "user_id: must have at least 1 character"),
        ({"user_id": "u", **TO_ANN}, "address: must not be given with user_id. Use one call for each."),
        ({"user_id": "u", "region": "CN"}, "region: must not be given with user_id. Use one call for each."),
        ({"address": ANN}, "channel: is required with address"),
        ({"channel": "sms"}, "address: is required with channel"),
        ({"address": "12", "channel": "sms"}, "address: the address"),
        ({"user": "u"}, "is not a field of this body"),
    ],
)
async def test_a_body_names_one_person_in_one_way(what: str, body: Any, message: str) -> None:
    async with a_service() as service:
        answer = await ask(service, what, body)

    assert answer.status_code == 400
    assert message.lower() in answer.json()["message"].lower()


@pytest.mark.parametrize("what", ["export", "erase"])
async def test_a_large_body_and_a_missing_mongodb_have_their_own_status(what: str) -> None:
    async with a_service(gateway=gateway_without_mongodb()) as service:
        answers = [await ask(service, what, body) for body in (b"[" * 20_000, TO_ANN)]

    assert [answer.status_code for answer in answers] == [413, 503]


async def test_an_export_of_an_address_has_its_deliveries_whole_and_its_suppressions(both: ServiceAndConsumer) -> None:
    await send(both, {"to": ANN, "reference": "o-1"}, BOB)
    await both.consume()
    await send(both, BOB, ANN)
    await both.expand()
    await add(both.service, {"channel": "sms", "recipient": ANN, "reason": "manual", "scope": "list:news"})

    data = await export(both.service, **TO_ANN)

    shown = [(log["address"], log["content"], log["status"], log.get("reference")) for log in data["logs"]]
    assert sorted(shown) == [(ANN, "Your code is 7", "pending", None), (ANN, "Your code is 7", "sent", "o-1")]
    assert data["tokens"] == []
    assert [(each["recipient"], each["entries"][0]["scope"]) for each in data["suppressions"]] == [(ANN, "list:news")]
    assert await export(both.service, tenant="tnt_b", **TO_ANN) == {
        "tokens": [],
        "logs": [],
        "suppressions": [],
        "consents": [],
    }


async def test_an_export_of_a_user_masks_addresses_without_a_scope_of_their_own(both: ServiceAndConsumer) -> None:
    await send(both, ANN, user_id="usr_a")
    await both.consume()

    masked = await export(both.service, user_id="usr_a")
    whole = await export(both.service, INTERNAL, ADDRESSES, user_id="usr_a")

    assert [(log["recipient"], log.get("address")) for log in masked["logs"]] == [("138****8000", None)]
    assert [(log["recipient"], log.get("address")) for log in whole["logs"]] == [("138****8000", ANN)]
    assert (await export(both.service, user_id="usr_b"))["logs"] == []


async def test_an_export_of_many_deliveries_is_whole_in_both_formats(both: ServiceAndConsumer) -> None:
    number = 2 * DELIVERIES_AT_ONCE + 1
    await send(both, *[f"138000{n:05d}" for n in range(number)], user_id="usr_a")
    await both.consume()

    data, lines = await export(both.service, user_id="usr_a"), await export_lines(both.service, user_id="usr_a")

    assert len({log["id"] for log in data["logs"]}) == number
    assert [line.pop("type") for line in lines] == ["log"] * number + ["end"]
    assert lines == [*data["logs"], {"logs": number, "suppressions": 0, "consents": 0}]


async def test_lines_of_an_export_say_what_they_are(both: ServiceAndConsumer) -> None:
    await send(both, ANN)
    await add(both.service, {**OPTED_OUT, "channel": "sms", "recipient": ANN})
    await both.consume()

    lines = await export_lines(both.service, **TO_ANN)

    assert [line["type"] for line in lines] == ["log", "suppression", "end"]
    assert lines[-1] == {"type": "end", "logs": 1, "suppressions": 1, "consents": 0}


async def test_an_erasure_leaves_the_outcome_and_says_what_remains(both: ServiceAndConsumer) -> None:
    await send(both, {"to": ANN, "reference": "o-1"}, BOB)
    await both.consume()
    await add(both.service, {**OPTED_OUT, "channel": "sms", "recipient": ANN})

    answer = await erase(both.service, **TO_ANN)
    await finish(both.world)

    assert (answer["code"], answer["person"][:7]) == (200, "erased:")
    assert "7 days after the request" in {each["until"] for each in answer["remains"]}
    assert (await export(both.service, **TO_ANN))["logs"] == []
    logs = (await export(both.service, user_id="usr_a"))["logs"]
    assert [(log["recipient"], log.get("content"), log["status"], log.get("reference")) for log in logs] == [
        (answer["person"], None, "sent", None),
        ("139****9000", "Your code is 7", "sent", None),
    ]


async def test_a_suppression_of_an_erased_address_stays_in_force_and_has_no_address(both: ServiceAndConsumer) -> None:
    await add(both.service, {**OPTED_OUT, "channel": "sms", "recipient": ANN})
    answer = await erase(both.service, **TO_ANN)
    await finish(both.world)

    listed = (await call(both.service, "GET", "", None, MANAGE, WHOLE)).json()["items"]
    exported = await call(both.service, "GET", "/export", None, MANAGE, WHOLE)
    both.service.clock.now = both.world.time
    await send(both, ANN)
    await both.consume()

    assert [each["recipient"] for each in listed] == [answer["person"]]
    assert answer["person"] in exported.text
    (log,) = (await export(both.service, **TO_ANN))["logs"]
    assert (log["status"], log["reason"]) == ("suppressed", "opted_out")


async def test_an_erasure_of_a_user_takes_the_user_from_its_requests(both: ServiceAndConsumer) -> None:
    await send(both, ANN, BOB, user_id="usr_a")
    await both.consume()

    answer = await erase(both.service, user_id="usr_a")
    await finish(both.world)

    assert (await export(both.service, user_id="usr_a"))["logs"] == []
    logs = await both.world.ledger.logs.find(LogQuery("tnt_a"))
    assert {(log.recipient, log.user_id) for log in logs.items} == {(answer["person"], answer["person"])}


async def test_the_audit_log_names_each_call_its_actor_and_its_counts(both: ServiceAndConsumer) -> None:
    await send(both, ANN)
    await both.consume()
    await export(both.service, **TO_ANN)
    both.service.clock.now += timedelta(seconds=1)
    answer = await erase(both.service, **TO_ANN)
    await finish(both.world)

    erased, exported = await both.world.ledger.audit.list("tnt_a", 10)

    assert (exported.action, exported.actor, exported.counts) == (
        AuditAction.EXPORT,
        "officer",
        {"logs": 1, "suppressions": 0, "consents": 0},
    )
    assert (erased.action, erased.actor, erased.counts) == (
        AuditAction.ERASE,
        "officer",
        {"deliveries": 1, "requests": 1},
    )
    assert answer["person"] == f"erased:{erased.person}"
    assert erased.person == exported.person
    assert exported.done_at is not None
    assert erased.done_at is not None


async def test_a_repeated_erasure_is_harmless(both: ServiceAndConsumer) -> None:
    await send(both, ANN)
    await both.consume()
    first = await erase(both.service, **TO_ANN)
    await finish(both.world)
    both.service.clock.now = both.world.time

    again = await erase(both.service, **TO_ANN)
    await finish(both.world)

    assert again["person"] == first["person"]
    newest, *_ = await both.world.ledger.audit.list("tnt_a", 10)
    assert (newest.counts, newest.done_at is not None) == ({}, True)


async def test_access_lines_and_errors_show_no_address(
    both: ServiceAndConsumer, capfd: pytest.CaptureFixture[str]
) -> None:
    await send(both, ANN)
    await both.consume()
    await export(both.service, **TO_ANN)
    await erase(both.service, **TO_ANN)
    await ask(both.service, "erase", {"address": "ann@example", "channel": "email"})
    await finish(both.world)

    printed = "".join(capfd.readouterr())
    assert "erase-user-data" in printed
    assert not [each for each in ("138 0013 8000", "13800138000", "ann@example") if each in printed]


async def test_exports_of_one_tenant_take_turns(both: ServiceAndConsumer) -> None:
    released, logs = asyncio.Event(), both.world.ledger.logs
    find = logs.find

    async def wait_and_find(query: LogQuery) -> LogPage:
        await released.wait()
        return await find(query)

    logs.find = wait_and_find  # type: ignore[method-assign]
    exports = [asyncio.create_task(ask(both.service, "export", TO_ANN)) for _ in range(12)]
    (refused,), waiting = await asyncio.wait(exports, return_when=asyncio.FIRST_COMPLETED)
    assert (refused.result().status_code, refused.result().json()["message"]) == (503, TOO_MANY)
    released.set()
    assert {(await each).status_code for each in waiting} == {200}
