"""Builds, inserts and announces the chunks of a part."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from consumer.context import ConsumerContext
from consumer.events import accepted_event
from consumer.expand.check_recipients import CheckedRecipients, Decisions, RecipientChecker
from consumer.expand.exclusions import ExclusionScope, apply_exclusions
from consumer.expand.validate_request import ValidRequest
from consumer.logger import error_location, logger
from consumer.monitoring.readiness import EXPAND
from consumer.provider_choice import ProviderChoice
from consumer.publish_results import publish_results
from consumer.request_cache import OpenedRequest
from consumer.request_lifecycle import apply_control_flags, complete_if_done
from core.chunk_work import DecidedDelivery, Work
from core.ids import ChunkId, chunk_id
from core.index_ranges import chunk_bounds, indices, to_ranges
from ledger.chunk_recipients import seal_recipients, seal_secrets, split_recipients
from ledger.models import Chunk, Part, RequestHeader, StoredRequest
from schemas.statuses import Lane


async def write_chunks(
    request: ValidRequest, stored: StoredRequest, context: ConsumerContext, *, isolate_failures: bool
) -> None:
    """Insert the chunks of a part, wake up all but the last one, and publish that the part was accepted.

    A cancel, pause or resume misses a chunk that is inserted after it, and reaches every chunk inserted before it.
    The control flags are therefore read again after each insert and before the wake-up. For the last chunk
    `mark_part_expanded` returns them.
    """
    header, part = stored.header, stored.parts[request.part.number]
    open_text = partial(request.content.template_for, header, context.sealer, has_links=context.tuning.has_links)
    template = await context.turn_budget.run(open_text, len(header.sealed_text))
    if not header.send_at:
        context.request_cache.put(OpenedRequest(header, template))  # this process is likely to send it, and soon
    checker = RecipientChecker(header, template, part.default_region, context, isolate_failures=isolate_failures)
    is_expired = header.expires_at is not None and context.ledger.now() >= header.expires_at
    scope = ExclusionScope(header, part, context, is_expired)
    for first, end in chunk_bounds_of(part):
        if header.intake_topic == context.topics.requests:  # on the express intake small requests wait behind this one
            await context.lane_priority.yield_to_express(_lane_of(part))
        checked = await checker.check_chunk(first, request.body.recipients[first:end])
        decided = await apply_exclusions(checked, scope)
        chunk = build_chunk(checked, decided, stored, part, context)
        is_new = await context.retry_until_available("insert chunk", context.ledger.chunks.insert, chunk)
        if end < part.size:
            stored = await _refresh_control_flags(stored, part, context, is_new=is_new)
            await wake_up(chunk.id, part, stored, context)
        context.readiness.record_progress(EXPAND)
        await asyncio.sleep(0)
    await publish_accepted(header, part, context)


async def publish_accepted(header: RequestHeader, part: Part, context: ConsumerContext) -> None:
    """Publish that a part was accepted."""
    event = accepted_event(header, part.number, part.size)
    await publish_results(header, [event], context, "publish request.accepted")


def chunk_bounds_of(part: Part) -> Iterator[tuple[int, int]]:
    """Yield first index and end of each chunk of a part. The first expansion of the part chose the chunk size."""
    return chunk_bounds(part.size, part.chunk_size)


def build_chunk(  # noqa: PLR0913  # all that a chunk is made of
    checked: CheckedRecipients,
    decided: Decisions,
    stored: StoredRequest,
    part: Part,
    context: ConsumerContext,
    *,
    in_request: bool = False,
) -> Chunk:
    """Build a chunk as it is inserted: recipients sealed, decisions beside open work, first window chosen.

    With `in_request` it is written together with its request, and `request.accepted` is published after that.
    """
    header, flags, size, first = stored.header, stored.control_flags, len(checked.hashes), checked.first
    identity = chunk_id(header.key, part.number, first)
    deliveries = tuple(DecidedDelivery(index, *decision) for index, decision in decided.items())
    untried = to_ranges(index for index in range(first, first + size) if index not in decided)
    choice = ProviderChoice(header, lambda index: checked.plain[index - first][0], context)
    unsent = Work(untried=untried, decided=deliveries, accepted_pending=in_request)
    work, _ = choice.released(unsent, is_scheduled=header.send_at is not None)
    recipients, secrets = split_recipients(checked.plain, header.erasable_variables)
    undecided = {index: secrets[index - first] for index in indices(untried) if index - first in secrets}
    return Chunk(
        id=identity,
        key=header.key,
        part=part.number,
        first=first,
        size=size,
        channel=header.channel,
        lane=_lane_of(part),
        masked=checked.masked,
        hashes=b"".join(checked.hashes),
        references=checked.references,
        sealed=seal_recipients(context.sealer, identity, recipients),
        work=work,
        due_at=header.send_at,
        cancelled=flags.cancelled,
        pauses=flags.pauses,
        expires_at=header.expires_at,
        searchable=part.number > 0 or not part.last,
        resend_of=checked.resend_of,
        sealed_secrets=seal_secrets(context.sealer, identity, undecided),
        in_request=in_request,
    )


def is_small(part: Part) -> bool:
    """Return whether the part is the whole request and fits in one chunk."""
    return part.number == 0 and part.last and part.size <= part.chunk_size


def _lane_of(part: Part) -> Lane:
    return Lane.EXPRESS if is_small(part) else Lane.BULK


async def _refresh_control_flags(
    stored: StoredRequest, part: Part, context: ConsumerContext, *, is_new: bool
) -> StoredRequest:
    """Read the control flags again, and apply them to the part if its chunks may lack them."""
    key = stored.header.key
    flags = await context.retry_until_available("read control flags", context.ledger.requests.control_flags, key)
    if flags == stored.control_flags and is_new:  # an earlier expansion may have inserted the chunk without them
        return stored
    await apply_control_flags(key, flags, context, part.number)
    return replace(stored, cancelled=flags.cancelled, pauses=flags.pauses)


async def wake_up(chunk: ChunkId, part: Part, request: StoredRequest, context: ConsumerContext) -> None:
    """Wake up a chunk, unless the request is paused or its `send_at` is still to come.

    A small request is claimed by this process if it has a free slot. Its request is in the cache here. Otherwise the
    wake-up message goes to all consumers. The sweeper finds the chunks that are not woken up when they are due.
    """
    header, lane = request.header, _lane_of(part)
    if request.control_flags.paused or (header.send_at and header.send_at > context.ledger.now()):
        return
    claim = partial(context.ledger.chunks.claim, chunk)
    if lane is Lane.EXPRESS and await context.handover.claim((lane, header.channel), claim):
        return
    await context.retry_until_available("publish wake-up", context.bus.publish_wake_up, lane, header.channel, chunk)


async def wake_last_chunk(request: StoredRequest, number: int, context: ConsumerContext) -> None:
    """Wake up the last chunk of an expanded part. If the part has no chunk, complete the request if it is done.

    An error here does not raise. The part is expanded and must not be rejected, and the sweeper does the same work.
    """
    key, part = request.header.key, request.parts[number]
    try:
        await apply_control_flags(key, request.control_flags, context, part.number)
        if not part.size:
            await complete_if_done(key, context)
        elif not request.completion:  # the worker that closes the chunk completes the request
            *_, (first, _) = chunk_bounds_of(part)
            await wake_up(chunk_id(key, part.number, first), part, request, context)
    except Exception as error:  # noqa: BLE001  # any error, see above
        logger.error("wake-up of last chunk failed", error=type(error).__name__, location=error_location(error))
