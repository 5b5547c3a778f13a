"""`reply_to` and `cc` of a request, on every way to the provider and in the ledger."""

from typing import Any

import pytest

from consumer.kafka.record import KafkaRecord
from core.ids import request_key
from core.send_result import Failed, Message
from ledger.models import RequestHeader
from ledger.resend_selection import resend_parts, select_deliveries
from ledger.sealed_text import unseal_template
from schemas.statuses import Channel, Reason, Status
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import RecordingProvider, World

MAIL: dict[str, Any] = {"channel": "email", "subject": "Hi", "content": "Hello", "recipients": ["anna@example.com"]}
GIVEN: dict[str, Any] = {"reply_to": "Help <Help@Example.com>", "cc": ["Team@Example.com", "boss@example.com"]}
REPLY_TO, CC = "Help <Help@example.com>", ("Team@example.com", "boss@example.com")
SECRETS = ("Help", "Team", "boss")


def a_record(world: World, **more: Any) -> KafkaRecord:
    body = {**MAIL, **GIVEN, **more}
    return world.record(*body.pop("recipients"), **body)


def sent_by(world: World) -> list[Message]:
    return [message for provider in world.providers for message in provider.texts.values()]


async def header_of(world: World, tenant_id: str = "t1", request_id: str = "r1") -> RequestHeader:
    request = await world.ledger.requests.get(request_key(tenant_id, request_id))
    assert request is not None
    return request.header


async def test_over_http_they_reach_the_provider_and_nothing_else_shows_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with ServiceAndConsumer() as both:
        answer = await both.send({**MAIL, **GIVEN}, key="r1")
        await both.consume()
        (message,) = sent_by(both.world)
        assert (message.to, message.reply_to, message.cc) == ("anna@example.com", REPLY_TO, CC)
        (log,) = await both.world.logs("r1", "tnt_a")
        shown = [answer.text, repr(log), repr(message), repr(both.world.bus.events), capsys.readouterr().out]
        shown.append(repr(await header_of(both.world, "tnt_a")))
        assert log.status is Status.SENT
        assert not [secret for secret in SECRETS for text in shown if secret in text]


async def test_over_kafka_they_reach_the_provider_and_are_sealed_with_the_text() -> None:
    world = World()
    await world.expand(a_record(world))
    await world.deliver_all()
    (message,) = sent_by(world)
    assert (message.reply_to, message.cc) == (REPLY_TO, CC)
    header = await header_of(world)
    assert not [secret for secret in SECRETS if secret.encode() in header.sealed_text]
    assert unseal_template(world.sealer, header)["cc"] == list(CC)


async def test_a_request_without_them_is_stored_as_before_they_existed() -> None:
    world = World()
    await world.expand(a_record(world, reply_to=None, cc=[]))
    await world.deliver_all()
    (message,) = sent_by(world)
    assert (message.reply_to, message.cc) == (None, ())
    assert unseal_template(world.sealer, await header_of(world)).keys() == {"content", "subject", "variables"}


async def test_the_recipient_gets_no_second_copy() -> None:
    world = World()
    await world.expand(a_record(world, cc=["ANNA@example.com", "boss@example.com", "Boss@Example.com"]))
    await world.deliver_all()
    assert [message.cc for message in sent_by(world)] == [("boss@example.com",)]


async def test_another_process_reads_them_from_the_ledger() -> None:
    world = World()
    await world.expand(a_record(world, send_at="2026-01-02T04:00:00Z"))
    world.pass_time(3_600)
    await world.deliver_all(world.context())
    assert [(message.reply_to, message.cc) for message in sent_by(world)] == [(REPLY_TO, CC)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cc": ["team@example.com", "secret-name"]}, "cc[1]"),
        ({"reply_to": "secret-name"}, "reply_to"),
    ],
)
async def test_an_invalid_address_rejects_the_request_by_its_field(given: dict[str, Any], field: str) -> None:
    world = World()
    await world.expand(a_record(world, **given))
    (event,) = world.events("request.rejected")
    assert (event["reason"], event["fields"]) == ("invalid_schema", [field])
    assert "secret-name" not in repr(world.bus.events)
    async with ServiceAndConsumer() as both:
        answer = await both.send({**MAIL, **given})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(f"{field}: the address has no @.")
        assert both.records() == 0


async def test_cc_in_a_large_body_with_many_recipients_is_refused() -> None:
    recipients = [{"to": "a@example.com", "variables": {"a": "x" * 9_000}}, "b@example.com"]
    async with ServiceAndConsumer() as both:
        answer = await both.send({**MAIL, **GIVEN, "recipients": recipients})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("cc: needs a request with exactly one recipient")


async def test_a_resend_keeps_them() -> None:
    refused = RecordingProvider("post", Channel.EMAIL, answers=lambda *_: Failed(Reason.REJECTED))
    world = World(refused)
    await world.expand(a_record(world))
    await world.deliver_all()
    old = await world.ledger.requests.get(request_key("t1", "r1"))
    assert old is not None
    selection = await select_deliveries(world.ledger, old, Status.FAILED)
    async for part in resend_parts(world.ledger, world.sealer, selection, accepted_at=world.time, expires_at=None):
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()
    assert [(message.reply_to, message.cc) for message in sent_by(world)] == [(REPLY_TO, CC)] * 2


async def test_with_other_addresses_the_same_request_id_is_a_conflict() -> None:
    world = World()
    await world.expand(a_record(world))
    await world.expand(a_record(world, cc=["other@example.com"]))
    assert [event["reason"] for event in world.events("request.rejected")] == ["request_conflict"]
