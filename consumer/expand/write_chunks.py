"""Builds, inserts and announces the chunks of a part."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from consumer.context import ConsumerContext
from consumer.events import accepted_event
from consumer.expand.check_recipients import CheckedRecipients, RecipientChecker, hashes_to_look_up
from consumer.expand.exclusions import exclude_duplicates, exclude_expired, exclude_settled_resends
from consumer.monitoring.readiness import EXPAND
from consumer.publish_results import publish_results
from consumer.request_lifecycle import apply_control_flags
from core.chunk_work import DecidedDelivery, Work, prepare_release
from core.ids import ChunkId, RequestKey, chunk_id
from core.index_ranges import chunk_bounds, to_ranges
from ledger.message_template import MessageTemplate
from ledger.models import Chunk, ControlFlags, Part, RequestHeader, StoredRequest
from ledger.sealing import Sealer, seal_recipients
from schemas.requests import BulkRequest
from schemas.statuses import Lane


def chunk_bounds_of(part: Part) -> Iterator[tuple[int, int]]:
    """The chunks of a part, as its first expansion cut it."""
    return chunk_bounds(part.size, part.chunk_size)


def build_chunk(  # noqa: PLR0913  # a chunk is made of all of them
    checked: CheckedRecipients,
    header: RequestHeader,
    part: Part,
    sealer: Sealer,
    *,
    window_size: int,
    lane: Lane,
    flags: ControlFlags,
) -> Chunk:
    """The chunk as it is written: sealed, what is decided beside what is to do, its first window chosen."""
    size, first = len(checked.hashes), checked.first
    identity = chunk_id(header.key, part.number, first)
    decided = tuple(DecidedDelivery(index, status, reason) for index, (status, reason) in checked.decided.items())
    todo = to_ranges(index for index in range(first, first + size) if index not in checked.decided)
    work, _ = prepare_release(Work(untried=todo, decided=decided), window_size)
    return Chunk(
        id=identity,
        key=header.key,
        part=part.number,
        first=first,
        size=size,
        channel=header.channel,
        lane=lane,
        masked=tuple(checked.masked),
        hashes=b"".join(checked.hashes),
        references=tuple(checked.references) if checked.references else None,
        sealed=seal_recipients(sealer, identity, checked.sealed),
        work=work,
        due_at=header.send_at,
        cancelled=flags.cancelled,
        pauses=flags.pauses,
        expires_at=header.expires_at,
        searchable=part.number > 0 or not part.last,
        resend_of=tuple(checked.resend_of) if checked.resend_of else None,
    )


def _lane_of(part: Part) -> Lane:
    """Express where this part is the whole request, and is one chunk."""
    alone = part.number == 0 and part.last
    return Lane.EXPRESS if alone and part.size <= part.chunk_size else Lane.BULK


async def write_chunks(
    request: BulkRequest,
    text: MessageTemplate,
    stored: StoredRequest,
    context: ConsumerContext,
    *,
    isolate_failures: bool,
) -> None:
    """Insert the chunks of a part, call all but the last, and say that the part was accepted.

    An order given before a chunk was there missed it, one given from then on finds it: so what was ordered is read
    again after each insert and before the call. For the last chunk it comes back with `count`.
    """
    header, part = stored.header, stored.parts[request.part]
    late = header.expires_at is not None and context.ledger.now() >= header.expires_at
    checker = RecipientChecker(header, text, context.sealer, part.default_region, isolate_failures=isolate_failures)
    for first, end in chunk_bounds_of(part):
        if header.intake_topic == context.topics.requests:  # on the other one small requests wait behind this one
            await context.lane_priority.yield_to_express(_lane_of(part))
        checked = checker.check_chunk(first, request.recipients[first:end])
        if part.number > 0:
            exclude_duplicates(
                checked, await _find_duplicates(header.key, part.number, hashes_to_look_up(checked), context)
            )
        if late:
            exclude_expired(checked)
        await exclude_settled_resends(checked, header, part, context)
        chunk = build_chunk(
            checked,
            header,
            part,
            context.sealer,
            window_size=context.tuning.window_size,
            lane=_lane_of(part),
            flags=stored.control_flags,
        )
        is_new = await context.retry_until_available("insert", context.ledger.chunks.insert, chunk)
        if end < part.size:
            given = await context.retry_until_available(
                "read the marks", context.ledger.requests.control_flags, header.key
            )
            if given != stored.control_flags or not is_new:  # an earlier expansion's may have missed an order of before
                await apply_control_flags(header.key, given, context, part.number)
                stored = replace(stored, cancelled=given.cancelled, pauses=given.pauses)
            await _publish_wake_up(chunk.id, part, stored, context)
        context.readiness.record_progress(EXPAND)
        await asyncio.sleep(0)
    event = accepted_event(header, part.number, part.size)
    await publish_results(header, [event], context, "say accepted")


async def _publish_wake_up(chunk: ChunkId, part: Part, request: StoredRequest, context: ConsumerContext) -> None:
    """Call for a chunk, unless its time is to come or the request is paused: then the sweeper finds it."""
    header = request.header
    if not request.control_flags.paused and (not header.send_at or header.send_at <= context.ledger.now()):
        await context.retry_until_available("wake", context.bus.publish_wake_up, _lane_of(part), header.channel, chunk)


async def _find_duplicates(key: RequestKey, part: int, hashes: list[bytes], context: ConsumerContext) -> set[bytes]:
    return await context.retry_until_available(
        "look for duplicates", context.ledger.chunks.find_duplicates, key, part, hashes
    )
