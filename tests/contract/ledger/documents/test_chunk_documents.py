"""Stored names of chunks and logs. See test_request_documents.py."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.chunk_work import Batch, DecidedDelivery, History, WaitingDelivery, Window, Work
from core.ids import LogId, chunk_id
from ledger.claims import ClaimResult
from ledger.models import Chunk, Log
from ledger.mongo.chunk_documents import read_chunk
from ledger.mongo.work_documents import OPTIONAL_WORK_FIELDS, read_window
from ledger.receipt_effects import AsLogged
from schemas.receipts import ReceiptClass
from schemas.statuses import Channel, Lane, Reason, SmsEncoding, Status
from tests.contract.ledger.documents.stored import SERVER_TIME, Documents, in_order, left_at_default
from tests.support.builders import a_chunk, a_claim, a_hash, a_key, a_log

KEY = a_key()
AT, LATER = datetime(2020, 1, 2, 3, 4, 5, 678_000, UTC), datetime(2030, 2, 3, tzinfo=UTC)
WORK = Work(
    next=Batch(
        ranges=((0, 2),),
        attempts=1,
        possibly_sent=frozenset({1}),
        pinned_provider="first",
        histories={1: History(timedelta(seconds=2), Reason.UNAVAILABLE, "first")},
        refused_by=("second",),
        provider="first",
    ),
    untried=((2, 3), (5, 7)),
    retries=(
        WaitingDelivery(
            index=3,
            attempts=2,
            not_before=LATER,
            possibly_sent=True,
            pinned_provider="first",
            history=History(timedelta(seconds=4), Reason.UNAVAILABLE, "first"),
            refused_by=("second", "third"),
        ),
    ),
    decided=(DecidedDelivery(4, Status.FAILED, Reason.REJECTED, error="no", provider="second", attempts=2),),
    counts=Counter({(Status.SENT, None): 1, (Status.FAILED, Reason.REJECTED): 1}),
    unacknowledged=((7, 8),),
    without_key=timedelta(seconds=30),
    accepted_pending=True,
    cost={"EUR": 90_000},
    doubts={3: 45_000},
)
STORED_WORK: dict[str, Any] = {
    "next": {
        "ranges": [[0, 2]],
        "attempts": 1,
        "tainted": [1],
        "sticky": "first",
        "refused": ["second"],
        "provider": "first",
    },
    "todo": [[2, 3], [5, 7]],
    "later": [[3, 2, LATER, True, "first"]],
    "decided": [[4, "failed", "rejected", "no", "second", 2]],
    "counts": {"sent": 1, "failed:rejected": 1},
    "unacked": [[7, 8]],
    "tried": [["unavailable", "first", [1, 3], [2_000, 4_000]]],
    "refused": [[3, "second", "third"]],
    "without_key": 30_000,
    "accepted_pending": True,
    "cost": {"EUR": 90_000},
    "doubts": [[3, 45_000]],
}
CHUNK = Chunk(
    id=chunk_id(KEY, 1, 4),
    key=KEY,
    part=1,
    first=4,
    size=2,
    channel=Channel.SMS,
    lane=Lane.EXPRESS,
    masked=("138****8000", "139****9000"),
    hashes=a_hash("a") + a_hash("b"),
    references=("order-1", None),
    sealed=b"recipients",
    work=WORK,
    due_at=AT,
    cancelled=True,
    pauses=2,
    expires_at=LATER,
    searchable=True,
    resend_of=(LogId("log_0"), None),
    sealed_secrets={4: b"secrets of a", 5: b"secrets of b"},
)
STORED_CHUNK: dict[str, Any] = {
    "_id": CHUNK.id,
    "request": KEY,
    "part": 1,
    "first": 4,
    "size": 2,
    "channel": "sms",
    "lane": "express",
    "masked": ["138****8000", "139****9000"],
    "hashes": a_hash("a") + a_hash("b"),
    "sealed": b"recipients",
    "open": True,
    "cancelled": True,
    "pauses": 2,
    "expires_at": LATER,
    "searchable": True,
    "owner": None,
    "fence": 0,
    "due_at": AT,
    "window": None,
    **STORED_WORK,
    "references": ["order-1", None],
    "resend_of": ["log_0", None],
    "sealed_secrets": {"4": b"secrets of a", "5": b"secrets of b"},
    "lookup": [a_hash("a"), a_hash("b")],
    "sweep_at": AT,
    "parked": False,
    "fresh": False,
}
LOG = Log(
    id=LogId("log_1"),
    tenant_id="tnt_test",
    user_id="usr_test",
    request_id="req-1",
    channel=Channel.SMS,
    recipient="138****8000",
    recipient_hash=a_hash("a"),
    reference="order-1",
    status=Status.DELIVERED,
    outcome=Status.SENT,
    reason=Reason.REJECTED,
    provider="first",
    provider_message_id="m-1",
    response="OK",
    error="none",
    template_id="tpl_1",
    attempts=2,
    created_at=AT,
    updated_at=LATER,
    sent_at=LATER,
    resend_of=LogId("log_0"),
    resent_as=LogId("log_2"),
    encoding=SmsEncoding.UCS_2,
    segments=2,
    cost={"EUR": 90_000},
    receipt_class=ReceiptClass.SOFT_BOUNCE,
    receipt_code="421",
    receipt_at=LATER,
    settled_by="0/7/1",
    as_logged=AsLogged(Reason.NO_ANSWER, "timed out", AT),
)


async def test_a_chunk_as_it_is_inserted(documents: Documents) -> None:
    await documents.ledger.chunks.insert(CHUNK)

    assert [*left_at_default(CHUNK), *left_at_default(WORK), *left_at_default(WORK.retries[0])] == ["in_request"]
    assert [*left_at_default(WORK.decided[0]), *left_at_default(WORK.next)] == []
    assert await documents.ledger.chunks.get(CHUNK.id) == CHUNK
    assert in_order(await documents.only("chunks")) == in_order(STORED_CHUNK)


async def test_a_chunk_that_is_claimed(documents: Documents) -> None:
    await documents.ledger.chunks.insert(CHUNK)
    claimed = await documents.ledger.chunks.claim(CHUNK.id, a_claim("owner"))

    assert claimed is not None
    assert claimed.window is not None
    assert (claimed.window.as_batch, claimed.window.provider) == (WORK.next, "first")
    assert in_order(await documents.only("chunks", "due_at", "sweep_at", "touched_at")) == in_order(
        STORED_CHUNK
        | {
            "owner": "owner",
            "fence": 1,
            "due_at": SERVER_TIME,
            "window": STORED_WORK["next"],
            "next": None,
            "sweep_at": SERVER_TIME,
            "taken_over": False,
            "touched_at": SERVER_TIME,
        }
    )


async def test_a_window_with_a_reservation_says_so(documents: Documents) -> None:
    token = (await _claimed(documents)).token
    window = Window(Batch(((0, 2),)), "first", reserved=True)
    await documents.ledger.chunks.advance(token, Work(), window)

    document = await documents.only("chunks")
    assert document["window"]["reserved"] is True
    assert read_window(document) == window


async def test_a_chunk_that_is_closed_has_no_secrets(documents: Documents) -> None:
    await documents.ledger.chunks.insert(CHUNK)
    claimed = await documents.ledger.chunks.claim(CHUNK.id, a_claim("owner"))
    assert claimed is not None
    await documents.ledger.chunks.close(claimed.token, WORK.counts)

    document = await documents.only("chunks")
    assert STORED_CHUNK.keys() - document.keys() == {"sealed_secrets", *OPTIONAL_WORK_FIELDS}
    assert document["sealed"] == b"recipients"


async def test_what_a_chunk_does_not_have_is_left_out(documents: Documents) -> None:
    chunk = a_chunk()
    await documents.ledger.chunks.insert(chunk)

    assert await documents.ledger.chunks.get(chunk.id) == chunk
    assert STORED_CHUNK.keys() - (await documents.only("chunks")).keys() == {
        "references",
        "resend_of",
        "sealed_secrets",
        "lookup",
        *OPTIONAL_WORK_FIELDS,
    }


@pytest.mark.parametrize("how", ["advance", "release", "close"])
async def test_optional_fields_of_the_work_are_removed_with_their_last_value(documents: Documents, how: str) -> None:
    chunks, token = documents.ledger.chunks, (await _claimed(documents)).token
    match how:
        case "advance":
            await chunks.advance(token, Work(untried=((0, 2),)), None)
        case "release":
            await chunks.release(token, Work(untried=((0, 2),)), None)
        case _:
            await chunks.close(token, Counter())

    assert not set(OPTIONAL_WORK_FIELDS) & (await documents.only("chunks")).keys()


async def test_renewing_keeps_the_optional_fields(documents: Documents) -> None:
    token = (await _claimed(documents)).token
    await documents.ledger.chunks.renew(token)

    assert {"tried", "without_key"} <= (await documents.only("chunks")).keys()


async def test_a_chunk_of_an_older_version_is_read_without_earlier_tries(documents: Documents) -> None:
    await documents.ledger.chunks.insert(CHUNK)
    document = await documents.only("chunks")
    for name in OPTIONAL_WORK_FIELDS:
        del document[name]

    work = read_chunk(document).work
    assert (work.cost, work.doubts) == ({}, {})
    assert (work.retries[0].history, work.next and work.next.histories, work.without_key) == (None, {}, timedelta())


async def _claimed(documents: Documents) -> ClaimResult:
    await documents.ledger.chunks.insert(CHUNK)
    claimed = await documents.ledger.chunks.claim(CHUNK.id, a_claim("owner"))
    assert claimed is not None
    return claimed


async def test_a_log(documents: Documents) -> None:
    await documents.ledger.logs.insert_or_get([LOG])

    assert left_at_default(LOG) == ["next_attempt_at"], "of a delivery without a log"
    assert await documents.ledger.logs.get("tnt_test", LOG.id) == LOG
    assert in_order(await documents.only("communication_logs")) == in_order(
        {
            "_id": "log_1",
            "tenant_id": "tnt_test",
            "request_id": "req-1",
            "channel": "sms",
            "recipient": "138****8000",
            "recipient_hash": a_hash("a"),
            "status": "delivered",
            "outcome": "sent",
            "attempts": 2,
            "created_at": AT,
            "updated_at": LATER,
            "sent_at": LATER,
            "reason": "rejected",
            "user_id": "usr_test",
            "reference": "order-1",
            "provider": "first",
            "provider_message_id": "m-1",
            "response": "OK",
            "error": "none",
            "template_id": "tpl_1",
            "resend_of": "log_0",
            "resent_as": "log_2",
            "encoding": "ucs2",
            "segments": 2,
            "cost": {"EUR": 90_000},
            "receipt_class": "soft_bounce",
            "receipt_code": "421",
            "receipt_at": LATER,
            "settled_by": "0/7/1",
            "as_logged": {"reason": "no_answer", "error": "timed out", "updated_at": AT},
            "moved": {"request": "1", "way": "sent:no_answer>delivered:rejected"},
        }
    )


async def test_what_a_log_does_not_have_is_left_out(documents: Documents) -> None:
    log = a_log(user_id=None, provider=None, status=Status.FAILED)
    await documents.ledger.logs.insert_or_get([log])

    assert (await documents.only("communication_logs")).keys() == {
        "_id",
        "tenant_id",
        "request_id",
        "channel",
        "recipient",
        "recipient_hash",
        "status",
        "outcome",
        "attempts",
        "created_at",
        "updated_at",
    }
