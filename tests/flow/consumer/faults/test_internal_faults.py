"""Internal errors are not blamed on the record, and the sender of a rejected record gets an event."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from consumer.context import ConsumerContext
from consumer.expand.expansion_queue import expand_or_reject
from core.ids import request_key
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.memory import MemoryLedger
from ledger.mongo import MongoLedger
from ledger.mongo.connection import translated_errors
from ledger.ports import Ledger
from ledger.request_control import cancel_request
from schemas.statuses import Channel, Lane
from tests.flow.world import START, World
from tests.support.builders import a_chunk, a_claim, a_head, a_key, a_log, a_part


@pytest.mark.parametrize("code", [13, 18])
def test_the_consumer_waits_for_a_missing_permission(code: int) -> None:
    """A password changed under a running consumer must not send its whole intake to the dead letters."""
    with pytest.raises(LedgerUnavailable), translated_errors():
        raise OperationFailure("who are you", code)


@pytest.mark.parametrize("code", [10334, 17419, 121, 17280])
def test_a_document_that_mongodb_refuses_for_good_is_not_waited_for(code: int) -> None:
    with pytest.raises(LedgerRefused), translated_errors():
        raise OperationFailure("the document", code)
    with pytest.raises(LedgerRefused), translated_errors():
        raise BulkWriteError({"writeErrors": [{"code": code}]})
    with pytest.raises(LedgerUnavailable), translated_errors():
        raise BulkWriteError({"writeErrors": [{"code": code}, {"code": 13}]})


@pytest.mark.parametrize("text", ["x" * (17 * 1024 * 1024), "\ud800"], ids=["too large", "no text"])
async def test_a_document_that_cannot_be_encoded_is_not_waited_for(text: str, mongo_url: str) -> None:
    ledger = await MongoLedger.connect(mongo_url, f"attack_{uuid.uuid4().hex[:8]}")
    try:
        with pytest.raises(LedgerRefused, match="the driver refused a document"):
            await ledger.logs.insert_or_get([a_log()._replace(error=text)])
    finally:
        await ledger.aclose()


async def test_a_rejected_record_is_reported_to_its_sender() -> None:
    world = World()

    class Broken:
        async def register_part(self, *_: object) -> None:
            raise ZeroDivisionError

    class Ledger:
        requests = Broken()
        now = staticmethod(world.ledger.now)

    context: ConsumerContext = replace(world.context(), ledger=Ledger())
    await expand_or_reject(world.record("13800138000", part=2, last=True), "cluster", context)
    (rejected,) = world.events("request.rejected")
    assert (rejected["request_id"], rejected["tenant_id"], rejected["part"]) == ("r1", "t1", 2)
    assert rejected["reason"] == "unprocessable"
    assert "13800138000" not in repr(world.bus.events)
    assert len(world.bus.dead_letters) == 1


@pytest.fixture(params=["memory", "mongo"])
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger(lambda: datetime.now(UTC))
        return
    database = f"attack_{uuid.uuid4().hex[:8]}"
    mongo = await MongoLedger.connect(request.getfixturevalue("mongo_url"), database)
    await mongo.setup()
    yield mongo
    await mongo._client.drop_database(database)
    await mongo.aclose()


async def test_a_cancel_makes_waiting_chunks_due_and_leaves_a_lease_alone(ledger: Ledger) -> None:
    await ledger.requests.register_part(a_head(), a_part(size=9))
    later = ledger.now() + timedelta(days=7)
    scheduled, retried, held = (a_chunk(first=first, due_at=later if first == 0 else None) for first in (0, 3, 6))
    for chunk in (scheduled, retried, held):
        await ledger.chunks.insert(chunk)
    taken = await ledger.chunks.claim(retried.id, a_claim())
    assert taken
    assert await ledger.chunks.release(taken.token, retried.work, later)
    assert await ledger.chunks.claim(held.id, a_claim())
    assert not await ledger.chunks.claim(scheduled.id, a_claim())
    await ledger.chunks.mark_cancelled(a_key())
    found = [await ledger.chunks.claim_due(Lane.BULK, Channel.SMS, a_claim()) for _ in range(3)]
    assert {taken.chunk.id for taken in found if taken} == {scheduled.id, retried.id}
    assert all(taken.chunk.cancelled for taken in found if taken)


async def test_a_scheduled_request_that_is_cancelled_completes_at_once() -> None:
    world = World()
    send_at = START + timedelta(days=7)
    await world.expand(world.record("13800138000", send_at=send_at.isoformat()))
    assert await cancel_request(world.ledger, request_key("t1", "r1"))
    await world.deliver_all()
    assert await world.outcomes() == [("cancelled", "cancelled")]
    assert len(world.events("request.completed")) == 1
