"""The time zone of a recipient, on every way in, and in a resend."""

from typing import Any

import pytest

from core.ids import request_key
from core.send_result import Failed, Message, SendResult
from ledger.chunk_recipients import open_chunk_recipients
from ledger.resend_selection import resend_parts, select_deliveries
from schemas.requests import BulkRequest, RecipientFields
from schemas.statuses import Reason, Status
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import World
from tests.support.service import GOOD

ZONED = {"to": "13800138000", "timezone": "Asia/Urumqi"}


async def test_the_time_zone_is_sealed_with_the_address_and_absent_if_it_is_not_given() -> None:
    async with ServiceAndConsumer() as both:
        await both.send({**GOOD, "recipients": [ZONED, "13900139000"]})
        await both.expand()
        ((_, part),) = both.service.publisher.records
        store = both.world.ledger.requests._store  # type: ignore[attr-defined]
        (document,) = store.chunks.values()

    assert part.value.count(b"timezone") == 1
    recipients = open_chunk_recipients(both.world.sealer, document.chunk)
    assert [(each.to, each.timezone) for each in recipients] == [
        ("+8613800138000", "Asia/Urumqi"),
        ("+8613900139000", None),
    ]


@pytest.mark.parametrize("timezone", ["Mars/Base", "asia/shanghai", "", "+08:00", "A" * 65])
async def test_an_unknown_time_zone_is_refused_by_the_name_of_its_field(timezone: str) -> None:
    recipients: list[Any] = ["13800138000", {"to": "13900139000", "timezone": timezone}]
    async with ServiceAndConsumer() as both:
        answer = await both.send({**GOOD, "recipients": recipients})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("recipients[1].timezone: must ")

    world = World()
    await world.expand(world.record(*recipients))
    (event,) = world.events("request.rejected")
    assert event["fields"] == ["recipients[1].timezone"]


async def test_a_resend_keeps_the_time_zone() -> None:
    def reject(_message: Message, _calls: int) -> SendResult:
        return Failed(Reason.REJECTED, "HTTP 400")

    world = World()
    world.providers[0].answers = reject
    await world.expand(world.record({**ZONED, "variables": {"a": "b"}}, "13900139000"))
    await world.settle(2)
    old = await world.ledger.requests.get(request_key("t1", "r1"))
    assert old is not None
    selection = await select_deliveries(world.ledger, old, Status.FAILED)
    parts = resend_parts(world.ledger, world.sealer, selection, accepted_at=world.time, expires_at=None)
    (part,) = [part async for part in parts]

    recipients = BulkRequest.model_validate_json(part.value).recipients
    assert [each.timezone for each in recipients if isinstance(each, RecipientFields)] == ["Asia/Urumqi", None]
