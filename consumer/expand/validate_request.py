"""Checks of a request beyond its schema. Builds the header and the part."""

from dataclasses import dataclass, replace

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord
from consumer.expand.accepted_at import accepted_at
from consumer.expand.content import ResolvedContent, resolve_content
from consumer.expand.decode import decode, origin_of_first_publication, read_correlation, read_reply_topic
from consumer.kafka.record import KafkaRecord
from consumer.provider_choice import has_provider, load_tenant_of
from consumer.tenants.marketing_policy import find_refusal
from core.allowed_reply_topics import is_allowed
from core.ids import RequestKey, request_id_from_record, request_key
from core.money import Cost, parse_amount
from core.record_time import NO_TIMESTAMP, read_timestamp, truncate_to_milliseconds
from ledger.digests import request_digests
from ledger.models import Part, RequestHeader
from schemas.amounts import NO_PRICES
from schemas.request_times import too_far_ahead
from schemas.requests import BulkRequest
from schemas.statuses import RejectionReason

NEW_TOPIC_MS = 1_000
"""Age of a record in milliseconds up to which its reply topic may be so new that not every broker lists it."""


@dataclass(frozen=True, slots=True)
class ValidRequest:
    """A request that passed all checks that need no stored part."""

    body: BulkRequest
    content: ResolvedContent
    header: RequestHeader
    part: Part


async def validate_request(
    record: KafkaRecord, cluster: str, context: ConsumerContext
) -> ValidRequest | RejectedRecord:
    """Decode a record and check what a schema cannot check. Nothing is written yet."""
    size = len(record.value or b"")
    await context.turn_budget.wait(size)
    request = decode(record)
    if isinstance(request, RejectedRecord):
        return request
    correlation_id = read_correlation(record)
    if record.timestamp_ms != NO_TIMESTAMP and read_timestamp(record.timestamp_ms) is None:
        message = "record: has a timestamp that is not a date. Set milliseconds since 1970."
        rejection = RejectedRecord(RejectionReason.INVALID_TIMESTAMP, message, is_garbage=True)
        return with_request_ids(request, rejection, correlation_id)
    accepted = accepted_at(record, request, context.ledger.now())
    if too_far := too_far_ahead(request, accepted):
        field, problem = too_far
        return with_request_ids(
            request, RejectedRecord(RejectionReason.INVALID_SCHEMA, f"{field}: {problem}", (field,)), correlation_id
        )
    if request.accepted_at != accepted:
        request = request.model_copy(update={"accepted_at": accepted})
    if request.request_id is None:
        request_id = request_id_from_record(cluster, *origin_of_first_publication(record))
        request = request.model_copy(update={"request_id": request_id})
    await load_tenant_of(request, context)
    reply_topic = await resolve_reply_topic(record, request, context)
    refused = reply_topic if isinstance(reply_topic, RejectedRecord) else _refused_choice(request, context)
    key, stored = request_key(request.tenant_id, str(request.request_id)), None
    if refused or request.template is not None:
        stored = await context.retry_until_available("read request", context.ledger.requests.get, key)
    if refused and stored is None:
        return with_request_ids(request, refused, correlation_id)
    if isinstance(reply_topic, RejectedRecord):
        reply_topic = stored.header.reply_topic if stored else None  # the first expansion decided it (I5)
    content = await resolve_content(request, key, stored, context)
    if isinstance(content, RejectedRecord):
        return with_request_ids(request, content, correlation_id)
    await context.turn_budget.wait(size)
    header, part = build_header(record, request, key, content, context, reply_topic=reply_topic)
    return await _check_policy(ValidRequest(request, content, header, part), context)


async def _check_policy(request: ValidRequest, context: ConsumerContext) -> ValidRequest | RejectedRecord:
    """Return the request, or its rejection if the tenant does not allow it.

    A request that was stored before is sent, whatever the tenant has changed since.
    """
    header, text = request.header, request.content.text
    refusal = await find_refusal(header, text, context) if text else None
    if refusal is None:
        return request
    stored = await context.retry_until_available("read request", context.ledger.requests.get, header.key)
    return request if stored else with_request_ids(request.body, refusal, header.correlation_id)


async def resolve_reply_topic(
    record: KafkaRecord, request: BulkRequest, context: ConsumerContext
) -> str | RejectedRecord | None:
    """Return the reply topic, None for the default one, or the rejection of one that may not be used."""
    topic = read_reply_topic(record, request)
    if topic is None or isinstance(topic, RejectedRecord):
        return topic
    rejection = RejectedRecord(
        RejectionReason.REPLY_TOPIC_REFUSED, "reply_topic: is not one of the allowed reply topics", ("reply_topic",)
    )
    if not is_allowed(topic, context.tuning.reply_topics, context.topics):
        return rejection
    # When a record has waited for a second, all brokers list its topic. A second look would occupy a place of the
    # intake for half a second, for each record of a caller whose topic does not exist.
    age_ms = abs(context.ledger.now().timestamp() * 1000 - record.timestamp_ms)
    exists = await context.retry_until_available(
        "check reply topic", context.bus.topic_exists, topic, may_be_new=age_ms < NEW_TOPIC_MS
    )
    return topic if exists else replace(rejection, message="reply_topic: does not exist. Create the topic first.")


def _refused_choice(request: BulkRequest, context: ConsumerContext) -> RejectedRecord | None:
    """Return the rejection of a request with a provider that the channel does not have, or a budget without prices."""
    if request.provider is not None and not has_provider(request.tenant_id, request.channel, request.provider, context):
        message = f"provider: there is no provider of {request.channel} with this name"
        return RejectedRecord(RejectionReason.UNKNOWN_PROVIDER, message, ("provider",))
    if request.budget is not None and not context.providers.prices:
        return RejectedRecord(RejectionReason.INVALID_SCHEMA, f"budget: {NO_PRICES}", ("budget",))
    return None


def budget_of(request: BulkRequest, context: ConsumerContext) -> Cost | None:
    """Return the budget in the currency of the prices. Without prices, the request is stored with its budget."""
    return None if request.budget is None else {context.providers.prices.currency: parse_amount(request.budget)}


def with_request_ids(request: BulkRequest, rejection: RejectedRecord, correlation_id: str | None) -> RejectedRecord:
    """Return a rejection with the ids of its request."""
    return replace(
        rejection,
        request_id=request.request_id,
        tenant_id=request.tenant_id,
        part=request.part,
        correlation_id=correlation_id,
    )


def build_header(  # noqa: PLR0913  # all that the first expansion decides
    record: KafkaRecord,
    request: BulkRequest,
    key: RequestKey,
    content: ResolvedContent,
    context: ConsumerContext,
    *,
    reply_topic: str | None,
) -> tuple[RequestHeader, Part]:
    """Build the header and the part that this expansion would store, if it is the first one (I5)."""
    sealer = context.sealer
    if request.request_id is None or request.accepted_at is None:
        raise AssertionError("the request has no id or no time")
    header_digest, part_digest = request_digests(sealer, request, sealer.newest)
    header = RequestHeader(
        key=key,
        tenant_id=request.tenant_id,
        request_id=request.request_id,
        user_id=request.user_id,
        channel=request.channel,
        category=request.category,
        on_uncertain=request.on_uncertain,
        reply_topic=reply_topic,
        correlation_id=read_correlation(record),
        accepted_at=request.accepted_at,
        send_at=request.send_at and truncate_to_milliseconds(request.send_at),
        expires_at=request.expires_at and truncate_to_milliseconds(request.expires_at),
        template_id=content.template_id,
        key_id=sealer.newest,
        digest=header_digest,
        sealed_text=content.sealed_text,
        intake_topic=record.topic,
        intake_partition=record.partition,
        template_version=content.template_version,
        resend_of=request.resend_of,
        content_type=content.content_type,
        region=request.region,
        secret_variables=content.secret_variables,
        keep_secret_variables=request.keep_secret_variables,
        sealed_secrets=content.sealed_secrets,
        vendor_templates=content.vendor_templates,
        provider=request.provider,
        budget=budget_of(request, context),
        mailing_list=request.mailing_list,
    )
    size = len(request.recipients)
    limits = context.tuning
    region = request.region or limits.default_region
    return header, Part(request.part, size, limits.chunk_size, part_digest, request.last, region)
