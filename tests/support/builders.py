"""Values for tests with defaults that make sense together: name only what the test is about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from core.chunk_work import Counts, Work
from core.ids import RequestKey, chunk_id, log_id, request_key
from core.index_ranges import to_ranges
from core.money import Cost
from core.next_batch import prepare_release
from core.vendor_template import NO_VENDOR_TEMPLATES, VendorTemplate, VendorTemplates
from ledger.claims import ClaimRequest
from ledger.models import Chunk, Log, Part, RequestHeader
from ledger.ports import Ledger
from ledger.receipt_effects import AsLogged
from schemas.receipts import ReceiptClass
from schemas.statuses import Category, Channel, ContentType, Lane, OnUncertain, Reason, Status

ACCEPTED_AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
"""To the millisecond: MongoDB keeps no more."""

TENANT = "tnt_test"
VENDOR_TEMPLATES = {
    "ali.yun": VendorTemplate("SMS_1", "$云 通信", ("name", "code")),
    "tencent": VendorTemplate("1110", parameter_order=("code",)),
}
"""Vendor templates, with signs that a database could misread."""

OUTCOMES = frozenset(
    {Status.SENT, Status.UNKNOWN, Status.FAILED, Status.SUPPRESSED, Status.CANCELLED, Status.EXPIRED},
)
"""Statuses that a log may be written with."""

LEDGER_PORTS = tuple(name for name, member in vars(Ledger).items() if isinstance(member, property))
"""Names of the parts of a ledger, such as `requests` and `chunks`."""

_owners = count()


def a_key(request_id: str = "req-1", tenant_id: str = TENANT) -> RequestKey:
    return request_key(tenant_id, request_id)


def a_head(
    request_id: str = "req-1",
    *,
    tenant_id: str = TENANT,
    user_id: str | None = "usr_test",
    channel: Channel = Channel.SMS,
    category: Category = Category.TRANSACTIONAL,
    on_uncertain: OnUncertain = OnUncertain.MARK_UNKNOWN,
    reply_topic: str | None = None,
    correlation_id: str | None = None,
    accepted_at: datetime = ACCEPTED_AT,
    send_at: datetime | None = None,
    expires_at: datetime | None = None,
    template_id: str | None = None,
    template_version: int | None = None,
    digest: bytes = b"shared by all parts",
    sealed_text: bytes = b"sealed text",
    intake_topic: str = "communication.bulk.requests",
    intake_partition: int = 0,
    content_type: ContentType | None = None,
    region: str | None = None,
    secret_variables: tuple[str, ...] | None = None,
    keep_secret_variables: bool | None = None,
    sealed_secrets: bytes | None = None,
    vendor_templates: VendorTemplates = NO_VENDOR_TEMPLATES,
    provider: str | None = None,
    budget: Cost | None = None,
    mailing_list: str | None = None,
) -> RequestHeader:
    return RequestHeader(
        key=a_key(request_id, tenant_id),
        tenant_id=tenant_id,
        request_id=request_id,
        user_id=user_id,
        channel=channel,
        category=category,
        on_uncertain=on_uncertain,
        reply_topic=reply_topic,
        correlation_id=correlation_id,
        accepted_at=accepted_at,
        send_at=send_at,
        expires_at=expires_at,
        template_id=template_id,
        key_id="k1",
        digest=digest,
        sealed_text=sealed_text,
        intake_topic=intake_topic,
        intake_partition=intake_partition,
        template_version=template_version,
        content_type=content_type,
        region=region,
        secret_variables=secret_variables,
        keep_secret_variables=keep_secret_variables,
        sealed_secrets=sealed_secrets,
        vendor_templates=vendor_templates,
        provider=provider,
        budget=budget,
        mailing_list=mailing_list,
    )


def a_part(
    number: int = 0,
    *,
    size: int = 3,
    chunk_size: int = 500,
    digest: bytes = b"body",
    last: bool = True,
    default_region: str | None = None,
) -> Part:
    return Part(number, size, chunk_size, digest, last, default_region)


def a_hash(name: str) -> bytes:
    """The 16 bytes that stand for an address, told apart by a name."""
    return sha256(name.encode()).digest()[:16]


def fresh_work(size: int, *, first: int = 0, window_size: int = 100) -> Work:
    """The work of a chunk just expanded: nothing tried, the first batch chosen, and its provider."""
    work, _ = prepare_release(Work(untried=to_ranges(range(first, first + size))), window_size)
    return replace(work, next=replace(work.next, provider="first")) if work.next else work


def a_chunk(
    request_id: str = "req-1",
    *,
    tenant_id: str = TENANT,
    part: int = 0,
    first: int = 0,
    size: int = 3,
    window_size: int = 100,
    work: Work | None = None,
    channel: Channel = Channel.SMS,
    lane: Lane = Lane.BULK,
    due_at: datetime | None = None,
    cancelled: bool = False,
    pauses: int = 0,
    expires_at: datetime | None = None,
    searchable: bool = False,
    names: Sequence[str] | None = None,
    references: Sequence[str | None] | None = None,
    sealed_secrets: Mapping[int, bytes] | None = None,
) -> Chunk:
    """A chunk whose recipients are called r0, r1, … by their index, unless `names` says otherwise."""
    key = a_key(request_id, tenant_id)
    names = [f"r{index}" for index in range(first, first + size)] if names is None else names
    return Chunk(
        id=chunk_id(key, part, first),
        key=key,
        part=part,
        first=first,
        size=size,
        channel=channel,
        lane=lane,
        masked=tuple(f"***{name}" for name in names),
        hashes=b"".join(a_hash(name) for name in names),
        references=None if references is None else tuple(references),
        sealed=b"sealed recipients",
        work=fresh_work(size, first=first, window_size=window_size) if work is None else work,
        due_at=due_at,
        cancelled=cancelled,
        pauses=pauses,
        expires_at=expires_at,
        searchable=searchable,
        sealed_secrets=sealed_secrets or {},
    )


def a_claim(owner: str | None = None, *, lease_seconds: float = 30.0) -> ClaimRequest:
    """A claim under a name of its own, unless `owner` says otherwise."""
    return ClaimRequest(owner=owner or f"owner-{next(_owners)}", lease_seconds=lease_seconds)


def a_log(
    request_id: str = "req-1",
    index: int = 0,
    *,
    tenant_id: str = TENANT,
    user_id: str | None = "usr_test",
    part: int = 0,
    channel: Channel = Channel.SMS,
    name: str | None = None,
    reference: str | None = None,
    status: Status = Status.SENT,
    outcome: Status | None = None,
    reason: Reason | None = None,
    provider: str | None = "first",
    provider_message_id: str | None = None,
    attempts: int = 1,
    accepted_at: datetime = ACCEPTED_AT,
    settled_after: timedelta = timedelta(seconds=1),
) -> Log:
    """The log of the recipient called r<index>, unless `name` says otherwise."""
    name = name or f"r{index}"
    settled_at = accepted_at + settled_after
    return Log(
        id=log_id(a_key(request_id, tenant_id), part, index),
        tenant_id=tenant_id,
        user_id=user_id,
        request_id=request_id,
        channel=channel,
        recipient=f"***{name}",
        recipient_hash=a_hash(name),
        reference=reference,
        status=status,
        outcome=outcome or status,
        reason=reason,
        provider=provider,
        provider_message_id=provider_message_id,
        response=None,
        error=None,
        template_id=None,
        attempts=attempts,
        created_at=accepted_at,
        updated_at=settled_at,
        sent_at=settled_at if status is Status.SENT else None,
    )


def some_counts(**numbers: int) -> Counts:
    """`some_counts(sent=2, pending=1)`: counts without reasons."""
    return Counter({(Status[name.upper()], None): number for name, number in numbers.items()})


def moved(
    log: Log,
    status: Status,
    *,
    by: str = "0/7/1",
    error: str | None = None,
    receipt_class: ReceiptClass | None = None,
    receipt_code: str | None = None,
    receipt_at: datetime = ACCEPTED_AT + timedelta(minutes=1),
) -> Log:
    """The log after a receipt moved it."""
    return log._replace(
        status=status,
        reason=Reason.UNDELIVERED if status is Status.FAILED else None,
        error=error,
        receipt_class=receipt_class,
        receipt_code=receipt_code,
        receipt_at=receipt_at,
        settled_by=by,
        updated_at=receipt_at + timedelta(seconds=1),
        as_logged=log.as_logged or AsLogged(log.reason, log.error, log.updated_at),
    )
