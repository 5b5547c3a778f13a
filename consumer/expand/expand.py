"""Expand: one record of the intake becomes chunks (docs/protocol.md)."""

import asyncio
from dataclasses import replace
from datetime import datetime

from consumer.context import Tools, log, where
from consumer.events import Refusal, accepted_event
from consumer.expand.check_recipients import (
    PartChecker,
    bounds_of,
    expire_all,
    hashes_to_look_up,
    make_chunk,
    suppress_known,
)
from consumer.expand.content import Wording, choose_wording
from consumer.expand.decode import Incoming, decode, first_place, read_correlation, read_reply_topic
from consumer.expand.exclusions import settle_resends
from consumer.expand.reject import refuse
from consumer.marks import mark
from consumer.monitoring.readiness import EXPAND
from consumer.publish_results import publish_results
from consumer.request_cache import Opened
from consumer.request_lifecycle import complete
from core import reply_topics
from core.ids import ChunkId, RequestKey, bare_request_id, chunk_id, request_key
from ledger.digests import request_digests
from ledger.errors import SealingError
from ledger.message_template import Text
from ledger.models import Head, Part, Request
from schemas.requests import BulkRequest, too_far_ahead
from schemas.statuses import Lane, Rejection


async def expand(record: Incoming, cluster: str, tools: Tools, *, sparing: bool = False) -> None:
    """Expand one record; when this returns its offset may be committed.

    With `sparing` a recipient that meets a fault of ours fails alone, instead of the whole part.
    """
    checked = await _check(record, cluster, tools)
    if isinstance(checked, Refusal):
        await refuse(record, checked, tools)
        return
    request, wording, head, part = checked
    stands, head, part = await _begin(request, head, part, tools)
    if refusal := _conflict(stands, request, head, part):
        await refuse(record, refusal, tools)
        return
    if part.number not in stands.counted:
        text = wording.text_of(stands.head, tools.sealer)
        if not head.send_at:
            tools.requests.put(Opened(stands.head, text))  # likely to be sent by this process, and soon
        await _write_chunks(request, text, stands, tools, sparing=sparing)
    after = await tools.lasting(lambda: tools.ledger.requests.count(head.key, part.number), "count")
    await _call_last(after, after.parts[part.number], tools)
    tools.metrics.requests.labels("expanded").inc()
    log.info("part expanded", request_id=head.request_id, part=part.number, recipients=part.size)


async def _call_last(request: Request, part: Part, tools: Tools) -> None:
    """Call for the last chunk of a part that is counted; where it has none, ask for the completion.

    A fault in that is not the record's: what is counted must not be refused, and the sweeper does the same.
    """
    key = request.head.key
    try:
        await mark(key, request.marks, tools, part.number)
        if not part.size:
            await complete(key, tools)
        elif not request.completion:  # whoever closes that chunk asks for it
            *_, (first, _) = bounds_of(part)
            await _wake(chunk_id(key, part.number, first), part, request, tools)
    except Exception as error:  # noqa: BLE001  # whatever it is
        log.error("calling failed", error=type(error).__name__, where=where(error))


async def _check(record: Incoming, cluster: str, tools: Tools) -> Refusal | tuple[BulkRequest, Wording, Head, Part]:
    """Decode, and check what a schema cannot; nothing is written yet."""
    request = decode(record)
    if isinstance(request, Refusal):
        return request
    correlation_id = read_correlation(record)
    if found := too_far_ahead(request, request.accepted_at or record.time):
        field, problem = found
        return about(request, Refusal(Rejection.INVALID_SCHEMA, f"{field}: {problem}", (field,)), correlation_id)
    if request.request_id is None:
        made = bare_request_id(cluster, *first_place(record))
        request = request.model_copy(update={"request_id": made})
    reply_topic = await _reply_topic(record, request, tools)
    key, stands = request_key(request.tenant_id, str(request.request_id)), None
    if isinstance(reply_topic, Refusal) or request.template is not None:
        stands = await tools.lasting(lambda: tools.ledger.requests.get(key), "look for the request")
    if isinstance(reply_topic, Refusal):
        if stands is None:
            return about(request, reply_topic, correlation_id)
        reply_topic = stands.head.reply_topic  # decided when it was accepted (I5): what is begun is finished
    wording = await choose_wording(request, key, stands, tools)
    if isinstance(wording, Refusal):
        return about(request, wording, correlation_id)
    head, part = _describe(record, request, reply_topic, wording, tools)
    return request, wording, head, part


async def _reply_topic(record: Incoming, request: BulkRequest, tools: Tools) -> str | Refusal | None:
    topic = read_reply_topic(record, request)
    if topic is None or isinstance(topic, Refusal):
        return topic
    refusal = Refusal(Rejection.REPLY_TOPIC_REFUSED, "not an allowed reply topic", ("reply_topic",))
    if not reply_topics.allowed(topic, tools.limits.reply_topics, tools.topics):
        return refusal
    exists = await tools.lasting(lambda: tools.bus.topic_exists(topic), "look for the reply topic")
    return topic if exists else replace(refusal, message="the reply topic does not exist")


def about(request: BulkRequest, refusal: Refusal, correlation_id: str | None) -> Refusal:
    """A refusal that names the request it is about."""
    return replace(
        refusal,
        request_id=request.request_id,
        tenant_id=request.tenant_id,
        part=request.part,
        correlation_id=correlation_id,
    )


def _describe(
    record: Incoming,
    request: BulkRequest,
    reply_topic: str | None,
    wording: Wording,
    tools: Tools,
) -> tuple[Head, Part]:
    """What this expansion would decide, if it is the first (I5)."""
    sealer = tools.sealer
    if request.request_id is None:
        raise AssertionError("a request has its id by now")
    key = request_key(request.tenant_id, request.request_id)
    head_digest, part_digest = request_digests(sealer, request, sealer.newest)
    head = Head(
        key=key,
        tenant_id=request.tenant_id,
        request_id=request.request_id,
        user_id=request.user_id,
        channel=request.channel,
        category=request.category,
        on_uncertain=request.on_uncertain,
        reply_topic=reply_topic,
        correlation_id=read_correlation(record),
        accepted_at=whole_milliseconds(request.accepted_at or record.time),
        send_at=request.send_at and whole_milliseconds(request.send_at),
        expires_at=request.expires_at and whole_milliseconds(request.expires_at),
        template_id=wording.template_id,
        key_id=sealer.newest,
        digest=head_digest,
        sealed_text=wording.sealed_text,
        intake_topic=record.topic,
        intake_partition=record.partition,
        template_version=wording.template_version,
        resend_of=request.resend_of,
    )
    size = len(request.recipients)
    limits = tools.limits
    return head, Part(request.part, size, limits.chunk_size, part_digest, request.last, limits.default_region)


def whole_milliseconds(moment: datetime) -> datetime:
    """A moment as MongoDB keeps it, so that what is stored and what is in memory are the same."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


async def _begin(request: BulkRequest, head: Head, part: Part, tools: Tools) -> tuple[Request, Head, Part]:
    """Note the part, or read back why not; head and part as they compare with what stands."""
    stands = await tools.lasting(lambda: tools.ledger.requests.begin(head, part), "begin")
    theirs = stands.head.key_id
    if theirs == head.key_id:
        return stands, head, part
    try:
        shared, whole = request_digests(tools.sealer, request, theirs)
    except SealingError:
        return stands, head, part
    # Begun under another sealing key: a digest of ours says nothing beside one of that key, so neither took the part.
    head, part = replace(head, key_id=theirs, digest=shared), replace(part, digest=whole)
    return await tools.lasting(lambda: tools.ledger.requests.begin(head, part), "begin again"), head, part


def _conflict(stands: Request, request: BulkRequest, mine: Head, asked: Part) -> Refusal | None:
    """Why what stands forbids this part."""
    part, head = stands.parts.get(asked.number), stands.head
    if head.key_id != mine.key_id:  # whether it is the same body cannot be told: not the caller's fault
        refusal = Refusal(Rejection.UNPROCESSABLE, "this consumer lacks the sealing key of the request's first part")
        return about(request, refusal, head.correlation_id)
    if mine.digest != head.digest or (part and part.digest != asked.digest):
        refusal = Refusal(Rejection.REQUEST_CONFLICT, "the request id was used with another body")
        return about(request, refusal, head.correlation_id)
    if part is None or part.number in stands.lost:
        refusal = Refusal(Rejection.PART_REFUSED, "the part came after the last one, or too late", ("part",))
        return about(request, refusal, head.correlation_id)
    return None


def _lane_of(part: Part) -> Lane:
    """Express where this part is the whole request, and is one chunk."""
    alone = part.number == 0 and part.last
    return Lane.EXPRESS if alone and part.size <= part.chunk_size else Lane.BULK


async def _write_chunks(request: BulkRequest, text: Text, stands: Request, tools: Tools, *, sparing: bool) -> None:
    """Insert the chunks of a part, call all but the last, and say that the part was accepted.

    An order given before a chunk was there missed it, one given from then on finds it: so what was ordered is read
    again after each insert and before the call. For the last chunk it comes back with `count`.
    """
    head, part = stands.head, stands.parts[request.part]
    late = head.expires_at is not None and tools.ledger.now() >= head.expires_at
    checker = PartChecker(head, text, tools.sealer, part.default_region, sparing=sparing)
    for first, end in bounds_of(part):
        if head.intake_topic == tools.topics.requests:  # on the other one small requests wait behind this one
            await tools.precedence.give_way(_lane_of(part))
        checked = checker.check(first, request.recipients[first:end])
        if part.number > 0:
            suppress_known(checked, await _in_lower_parts(head.key, part.number, hashes_to_look_up(checked), tools))
        if late:
            expire_all(checked)
        await settle_resends(checked, head, part, tools)
        chunk = make_chunk(
            checked,
            head,
            part,
            tools.sealer,
            window_size=tools.limits.window_size,
            lane=_lane_of(part),
            marks=stands.marks,
        )
        is_new = await tools.lasting(lambda chunk=chunk: tools.ledger.chunks.insert(chunk), "insert")  # type: ignore[misc]
        if end < part.size:
            given = await tools.lasting(lambda: tools.ledger.requests.marks(head.key), "read the marks")
            if given != stands.marks or not is_new:  # an earlier expansion's may have missed an order of before
                await mark(head.key, given, tools, part.number)
                stands = replace(stands, cancelled=given.cancelled, pauses=given.pauses)
            await _wake(chunk.id, part, stands, tools)
        tools.progress.moved(EXPAND)
        await asyncio.sleep(0)
    event = accepted_event(head, part.number, part.size)
    await publish_results(head, [event], tools, "say accepted")


async def _wake(chunk: ChunkId, part: Part, request: Request, tools: Tools) -> None:
    """Call for a chunk, unless its time is to come or the request is paused: then the sweeper finds it."""
    head = request.head
    if not request.marks.paused and (not head.send_at or head.send_at <= tools.ledger.now()):
        await tools.lasting(lambda: tools.bus.wake(_lane_of(part), head.channel, chunk), "wake")


async def _in_lower_parts(key: RequestKey, part: int, hashes: list[bytes], tools: Tools) -> set[bytes]:
    return await tools.lasting(lambda: tools.ledger.chunks.duplicates(key, part, hashes), "look for duplicates")
