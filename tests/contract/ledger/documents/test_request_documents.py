"""Stored names of requests, idempotency keys and templates.

A field that is renamed in Python must keep its stored name.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ledger.idempotency_record import IdempotencyRecord
from ledger.models import Part, RequestHeader
from schemas.statuses import Category, Channel, ContentType, OnUncertain, Reason, Status
from tests.contract.ledger.documents.stored import SERVER_TIME, Documents, in_order, left_at_default
from tests.support.builders import VENDOR_TEMPLATES, a_chunk, a_head, a_key, a_part

KEY = a_key()
AT, LATER = datetime(2030, 1, 2, 3, 4, 5, 678_000, UTC), datetime(2030, 2, 3, tzinfo=UTC)
HEAD = RequestHeader(
    key=KEY,
    tenant_id="tnt_test",
    request_id="req-1",
    user_id="usr_test",
    channel=Channel.SMS,
    category=Category.MARKETING,
    on_uncertain=OnUncertain.RESEND,
    reply_topic="replies",
    correlation_id="corr-1",
    accepted_at=AT,
    send_at=LATER,
    expires_at=LATER,
    template_id="tpl_1",
    key_id="k1",
    digest=b"shared",
    sealed_text=b"text",
    intake_topic="requests",
    intake_partition=3,
    template_version=2,
    resend_of="req-0",
    content_type=ContentType.PLAIN,
    region="DE",
    secret_variables=("code", "pin"),
    keep_secret_variables=True,
    sealed_secrets=b"secrets",
    vendor_templates=VENDOR_TEMPLATES,
    provider="first",
    budget={"EUR": 3_000_000_000},
    mailing_list="news",
)
STORED_VENDOR_TEMPLATES = [
    {
        "provider": "ali.yun",
        "template_code": "SMS_1",
        "sign_name": "$云 通信",
        "parameter_order": ["name", "code"],
    },
    {"provider": "tencent", "template_code": "1110", "sign_name": "", "parameter_order": ["code"]},
]
STORED_HEAD: dict[str, Any] = {
    "tenant_id": "tnt_test",
    "request_id": "req-1",
    "user_id": "usr_test",
    "channel": "sms",
    "category": "marketing",
    "on_uncertain": "resend",
    "reply_topic": "replies",
    "correlation_id": "corr-1",
    "accepted_at": AT,
    "send_at": LATER,
    "expires_at": LATER,
    "template_id": "tpl_1",
    "key_id": "k1",
    "digest": b"shared",
    "sealed_text": b"text",
    "intake_topic": "requests",
    "intake_partition": 3,
    "template_version": 2,
    "resend_of": "req-0",
    "content_type": "text/plain",
    "region": "DE",
    "secret_variables": ["code", "pin"],
    "keep_secret_variables": True,
    "sealed_secrets": b"secrets",
    "vendor_templates": STORED_VENDOR_TEMPLATES,
    "provider": "first",
    "budget": {"EUR": 3_000_000_000},
    "list": "news",
}
PART = Part(number=1, size=3, chunk_size=500, digest=b"body", last=True, default_region="CN")
STORED_FIRST_PART = {
    "number": 0,
    "size": 3,
    "chunk_size": 500,
    "digest": b"body",
    "last": False,
    "default_region": None,
}
STORED_PART = {"number": 1, "size": 3, "chunk_size": 500, "digest": b"body", "last": True, "default_region": "CN"}


async def test_a_request_just_begun(documents: Documents) -> None:
    begun = await documents.ledger.requests.register_part(HEAD, PART)

    assert [*left_at_default(HEAD), *left_at_default(PART)] == []
    assert (begun.header, begun.parts) == (HEAD, {1: PART})
    assert in_order(await documents.only("requests", "begun_at")) == in_order(
        {
            "_id": KEY,
            "head": STORED_HEAD,
            "parts": {"1": STORED_PART},
            "highest": 1,
            "last_part": 1,
            "begun_at": SERVER_TIME,
            "looked_at": LATER,
            "counted": [],
            "cancelled": False,
            "cut": False,
            "announced": False,
            "completion": None,
            "pauses": 0,
        }
    )


async def test_a_request_with_all_that_can_happen_to_it(documents: Documents) -> None:
    requests = documents.ledger.requests
    await requests.register_part(HEAD, a_part(0, last=False))
    await requests.register_part(HEAD, PART)
    await requests.mark_part_expanded(KEY, 0)
    await requests.pause(KEY)
    await requests.cancel(KEY)
    await requests.write_off_lost_parts(KEY)
    counts = Counter({(Status.FAILED, Reason.REJECTED): 2, (Status.SENT, None): 1})
    await requests.complete(KEY, counts, {"EUR": 3_000_000_000})
    await requests.mark_completion_published(KEY)

    request = await requests.get(KEY)
    assert request is not None
    assert left_at_default(request) == ["holds_chunk"]
    assert request.completion is not None
    assert left_at_default(request.completion) == []
    document = await documents.only("requests", "begun_at", "looked_at", "completion.completed_at")
    assert in_order(document) == in_order(
        {
            "_id": KEY,
            "head": {name: value for name, value in STORED_HEAD.items() if name != "sealed_secrets"},
            "parts": {"0": STORED_FIRST_PART, "1": STORED_PART},
            "highest": 1,
            "last_part": 1,
            "begun_at": SERVER_TIME,
            "looked_at": SERVER_TIME,
            "counted": [0],
            "cancelled": True,
            "cut": True,
            "announced": True,
            "completion": {
                "completed_at": SERVER_TIME,
                "total": 3,
                "by_status": {"failed": 2, "sent": 1},
                "by_reason": {"rejected": 2},
                "incomplete": True,
                "cost": {"EUR": 3_000_000_000},
            },
            "pauses": 1,
            "lost": [1],
        }
    )


async def test_reservations_are_stored_by_chunk_and_not_read_with_the_request(documents: Documents) -> None:
    requests = documents.ledger.requests
    await requests.register_part(HEAD, PART)
    assert await requests.reserve(a_chunk(part=1, first=500).id, 2, 3_000_000_000, 3_000_000_001) == 3_000_000_000
    assert await requests.reserve(a_chunk().id, 1, 5, 3_000_000_001) == 1

    assert (await documents.only("requests"))["reserved"] == {
        "chunks": {
            "c0001001f4": {"fence": 2, "amount": 3_000_000_000},
            "c000000000": {"fence": 1, "amount": 1},
        },
        "total": 3_000_000_001,
    }
    assert (await requests.get(KEY)) is not None


async def test_what_a_request_does_not_say_is_left_out(documents: Documents) -> None:
    head, part = a_head(user_id=None), a_part()
    begun = await documents.ledger.requests.register_part(head, part)

    assert (begun.header, begun.parts) == (head, {0: part})
    document = await documents.only("requests")
    assert STORED_HEAD.keys() - document["head"].keys() == {
        "user_id",
        "reply_topic",
        "correlation_id",
        "send_at",
        "expires_at",
        "template_id",
        "template_version",
        "resend_of",
        "content_type",
        "region",
        "secret_variables",
        "keep_secret_variables",
        "sealed_secrets",
        "vendor_templates",
        "provider",
        "budget",
        "list",
    }
    assert document["parts"]["0"]["default_region"] is None


async def test_an_idempotency_key(documents: Documents) -> None:
    taken = IdempotencyRecord(
        key=KEY,
        tenant_id="tnt_test",
        key_id="k1",
        digest=b"asked",
        accepted_at=AT,
        template_version=2,
        created_at=LATER,
    )
    read = await documents.ledger.keys.insert_or_get(taken)

    assert left_at_default(taken) == []
    assert replace(read, created_at=LATER) == taken
    assert in_order(await documents.only("idempotency_keys", "created_at")) == in_order(
        {
            "_id": KEY,
            "decided": {
                "tenant_id": "tnt_test",
                "key_id": "k1",
                "digest": b"asked",
                "accepted_at": AT,
                "template_version": 2,
            },
            "created_at": SERVER_TIME,
        }
    )


async def test_a_template(documents: Documents) -> None:
    template = await documents.ledger.templates.put(
        "tnt_test",
        "welcome",
        "Hello {{name}}",
        "Hello",
        ContentType.HTML,
        secret_variables=["name"],
        vendor_templates=VENDOR_TEMPLATES,
    )

    assert left_at_default(template) == []
    assert await documents.ledger.templates.get("tnt_test", "welcome") == template
    assert in_order(await documents.only("templates", "created_at")) == in_order(
        {
            "_id": f"{template.id}.1",
            "tenant_id": "tnt_test",
            "code": "welcome",
            "content": "Hello {{name}}",
            "subject": "Hello",
            "content_type": "text/html",
            "secret_variables": ["name"],
            "vendor_templates": STORED_VENDOR_TEMPLATES,
            "version": 1,
            "created_at": SERVER_TIME,
        }
    )


async def test_a_template_without_later_fields_is_stored_as_in_the_first_version(documents: Documents) -> None:
    await documents.ledger.templates.put("tnt_test", "welcome", "Hello", None)

    assert (await documents.only("templates", "created_at")).keys() == {
        "_id",
        "tenant_id",
        "code",
        "content",
        "subject",
        "version",
        "created_at",
    }
