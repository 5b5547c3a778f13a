"""Stored names of chunks and logs. See test_request_documents.py."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from core.chunk_work import Batch, DecidedDelivery, WaitingDelivery, Work
from core.ids import LogId, chunk_id
from ledger.models import Chunk, Log
from schemas.statuses import Channel, Lane, Reason, Status
from tests.contract.ledger.documents.stored import SERVER_TIME, Documents, in_order, left_at_default
from tests.support.builders import a_chunk, a_claim, a_hash, a_key, a_log

KEY = a_key()
AT, LATER = datetime(2020, 1, 2, 3, 4, 5, 678_000, UTC), datetime(2030, 2, 3, tzinfo=UTC)
WORK = Work(
    next=Batch(ranges=((0, 2),), attempts=1, possibly_sent=frozenset({1}), pinned_provider="first"),
    untried=((2, 3), (5, 7)),
    retries=(WaitingDelivery(index=3, attempts=2, not_before=LATER, possibly_sent=True, pinned_provider="first"),),
    decided=(DecidedDelivery(4, Status.FAILED, Reason.REJECTED, error="no", provider="second", attempts=2),),
    counts=Counter({(Status.SENT, None): 1, (Status.FAILED, Reason.REJECTED): 1}),
    unacknowledged=((7, 8),),
)
STORED_WORK: dict[str, Any] = {
    "next": {"ranges": [[0, 2]], "attempts": 1, "tainted": [1], "sticky": "first"},
    "todo": [[2, 3], [5, 7]],
    "later": [[3, 2, LATER, True, "first"]],
    "decided": [[4, "failed", "rejected", "no", "second", 2]],
    "counts": {"sent": 1, "failed:rejected": 1},
    "unacked": [[7, 8]],
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
)


async def test_a_chunk_as_it_is_inserted(documents: Documents) -> None:
    await documents.ledger.chunks.insert(CHUNK)

    assert [*left_at_default(CHUNK), *left_at_default(WORK), *left_at_default(WORK.retries[0])] == []
    assert [*left_at_default(WORK.decided[0]), *left_at_default(WORK.next)] == []
    assert await documents.ledger.chunks.get(CHUNK.id) == CHUNK
    assert in_order(await documents.only("chunks")) == in_order(STORED_CHUNK)


async def test_a_chunk_that_is_claimed(documents: Documents) -> None:
    await documents.ledger.chunks.insert(CHUNK)
    claimed = await documents.ledger.chunks.claim(CHUNK.id, a_claim("owner"))

    assert claimed is not None
    assert claimed.window is not None
    assert (claimed.window.batch, claimed.window.provider) == (WORK.next, "first")
    assert in_order(await documents.only("chunks", "due_at", "sweep_at", "touched_at")) == in_order(
        STORED_CHUNK
        | {
            "owner": "owner",
            "fence": 1,
            "due_at": SERVER_TIME,
            "window": STORED_WORK["next"] | {"provider": "first"},
            "next": None,
            "sweep_at": SERVER_TIME,
            "taken_over": False,
            "touched_at": SERVER_TIME,
        }
    )


async def test_a_chunk_that_is_closed_has_no_secrets(documents: Documents) -> None:
    await documents.ledger.chunks.insert(CHUNK)
    claimed = await documents.ledger.chunks.claim(CHUNK.id, a_claim("owner"))
    assert claimed is not None
    await documents.ledger.chunks.close(claimed.token, WORK.counts)

    document = await documents.only("chunks")
    assert STORED_CHUNK.keys() - document.keys() == {"sealed_secrets"}
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
    }


async def test_a_log(documents: Documents) -> None:
    await documents.ledger.logs.insert_or_get([LOG])

    assert left_at_default(LOG) == []
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
