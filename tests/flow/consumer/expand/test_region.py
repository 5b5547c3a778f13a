"""The region of phone numbers without plus: of the request, of a recipient, or the default of the consumer."""

from dataclasses import replace
from typing import Any

import pytest

from consumer.expand.expansion_queue import expand_or_reject
from core.ids import request_key
from core.request_parts import EncodedPart
from core.send_result import Failed, Message, SendResult
from ledger.resend_selection import resend_parts, select_deliveries
from ledger.sealing import Sealer
from schemas.requests import BulkRequest
from schemas.statuses import Channel, Reason, Status
from tests.flow.consumer.faults.test_repeated_failures import Thirteen
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import RecordingProvider, World
from tests.support.service import GOOD

NATIONAL = "01712345678"
"""A mobile number of Germany. Without plus it is not valid in China."""
GERMAN = "+491712345678"


def sent_to(world: World) -> list[str]:
    provider = world.providers[0]
    assert isinstance(provider, RecordingProvider)
    return [message.to for message in provider.texts.values()]


async def resend_of(world: World, request_id: str) -> list[EncodedPart]:
    """Return the parts of a request that repeats the failed deliveries."""
    old = await world.ledger.requests.get(request_key("t1", request_id))
    assert old is not None
    selection = await select_deliveries(world.ledger, old, Status.FAILED)
    parts = resend_parts(world.ledger, world.sealer, selection, accepted_at=world.time, expires_at=None)
    return [part async for part in parts]


async def test_the_region_of_a_request_is_used_and_stored_on_every_way_in() -> None:
    async with ServiceAndConsumer() as both:
        answer = await both.send({**GOOD, "recipients": [NATIONAL], "region": "de"}, key="r")
        assert answer.status_code == 200
        assert answer.json()["items"][0]["recipient"] == "+491****678"
        await both.consume()

        request = await both.world.ledger.requests.get(both.key("r"))

    assert request is not None
    assert (request.header.region, request.parts[0].default_region) == ("DE", "DE")
    assert sent_to(both.world) == [GERMAN]


async def test_the_region_of_a_recipient_wins_over_that_of_the_request() -> None:
    world = World()
    recipients = [{"to": "13800138000"}, {"to": NATIONAL, "region": "DE"}, {"to": "0664 1234567", "region": "at"}]
    await world.expand(world.record(*recipients, region="CN"))
    await world.deliver_all()
    assert sent_to(world) == ["+8613800138000", GERMAN, "+436641234567"]


async def test_a_request_without_a_region_is_stored_without_one() -> None:
    world = World()
    await world.expand(world.record("13800138000"))
    request = await world.ledger.requests.get(request_key("t1", "r1"))
    assert request is not None
    assert (request.header.region, request.parts[0].default_region) == (None, "CN")


async def test_a_second_expansion_keeps_the_region_of_the_first() -> None:
    """The consumer that expands the record again has another default region."""
    world = World()
    record = world.record("13800138000", {"to": NATIONAL, "region": "DE"})
    await world.expand(record)
    world.limits = replace(world.limits, default_region="US")
    await world.expand(record)
    await world.deliver_all()
    assert sent_to(world) == ["+8613800138000", GERMAN]


@pytest.mark.parametrize("region", ["XX", "UK", "EU", "", "C", "CHN", "49", "\ufb01", " CN"])
async def test_an_unknown_region_is_refused_by_the_name_of_its_field(region: str) -> None:
    named = "must be the ISO 3166-1 code of a country with telephone numbers, such as CN or GB"
    for field, body in (
        ("region", {"region": region}),
        ("recipients[1].region", {"recipients": ["13800138000", {"to": "13900139000", "region": region}]}),
    ):
        async with ServiceAndConsumer() as both:
            answer = await both.send({**GOOD, **body})
        assert (answer.status_code, answer.json()["message"]) == (400, f"{field}: {named}")

        world = World()
        recipients: Any = body.get("recipients", ["13800138000"])
        given = {"region": region} if field == "region" else {}
        await world.expand(world.record(*recipients, **given))
        (event,) = world.events("request.rejected")
        assert (event["fields"], event["message"]) == ([field], f"{field}: {named}")


async def test_a_resend_of_an_internal_error_reads_no_number_by_another_region() -> None:
    """The raw number 13800000003 with its own region DE is a number of CN by the region of the request."""
    world = World()
    world.sealer = Thirteen([("k1", bytes(32))])
    record = world.record({"to": "13800000003", "region": "DE"}, region="CN")
    await expand_or_reject(record, "cluster", world.context())
    await world.deliver_all()
    assert await world.outcomes() == [("failed", "unprocessable")]

    world.sealer = Sealer([("k1", bytes(32))])
    for part in await resend_of(world, "r1"):
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()
    assert sent_to(world) == []


async def test_a_resend_keeps_the_region() -> None:
    def refuse(message: Message, calls: int) -> SendResult:
        del message, calls
        return Failed(Reason.REJECTED, "not today")

    world = World(RecordingProvider(answers=refuse), RecordingProvider("post", Channel.EMAIL))
    await world.expand(world.record(NATIONAL, region="DE"))
    await world.deliver_all()
    bodies = [BulkRequest.model_validate_json(part.value) for part in await resend_of(world, "r1")]
    assert [body.region for body in bodies] == ["DE"]
