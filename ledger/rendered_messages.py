"""Texts of deliveries, rendered from the sealed data of requests and chunks (I9)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from core.ids import ChunkId, LogId, RequestKey, chunk_id, position
from core.render import RenderError, TemplateError
from ledger.chunk_recipients import ChunkRecipient, open_recipients
from ledger.errors import SealingError
from ledger.message_template import MessageTemplate
from ledger.models import Log
from ledger.ports import Ledger
from ledger.sealed_text import open_template
from ledger.sealing import Sealer

MAX_OPENED_CHUNKS = 8
"""Maximum number of opened chunks in memory. Each may be as large as a record of the intake."""

T = TypeVar("T")
MessageKey = tuple[LogId, RequestKey, int]
"""Delivery: its log, its request, and its index in its chunk."""


async def render_messages(
    ledger: Ledger, sealer: Sealer, logs: Sequence[Log], *, skip_unreadable: bool = False
) -> dict[LogId, str]:
    """Return the text of each delivery, except those whose text is erased or cannot be rendered.

    Secret variables are masked and their values are not read.
    A request or a chunk is read once for all of its deliveries. Raise SealingError if a key is missing. With
    `skip_unreadable`, leave out the texts under that key instead.
    """
    contents: dict[LogId, str] = {}
    skipped_errors = [SealingError] if skip_unreadable else []
    positions = {log.id: parsed for log in logs if (parsed := position(log.id))}
    requests = await ledger.requests.get_many(list({key for key, _, _ in positions.values()}))
    templates: dict[RequestKey, MessageTemplate] = {}
    for key, request in requests.items():
        with suppress(TemplateError, *skipped_errors):
            if request.header.sealed_text:
                templates[key] = open_template(sealer, request.header)
    deliveries_by_chunk: dict[ChunkId, list[MessageKey]] = defaultdict(list)
    for log, (key, part, index) in positions.items():
        template = templates.get(key)
        if template is None or part not in requests[key].parts:
            continue
        if not template.content.names:
            contents[log] = template.content.render({}, {})
            continue
        first = index - index % requests[key].parts[part].chunk_size
        deliveries_by_chunk[chunk_id(key, part, first)].append((log, key, index - first))
    for chunks in _batches(deliveries_by_chunk, MAX_OPENED_CHUNKS):
        for chunk, sealed in (await ledger.chunks.get_sealed(chunks)).items():
            with suppress(*skipped_errors):
                contents |= _render(deliveries_by_chunk[chunk], templates, open_recipients(sealer, chunk, sealed))
    return contents


def _render(
    deliveries: Sequence[MessageKey], templates: dict[RequestKey, MessageTemplate], recipients: Sequence[ChunkRecipient]
) -> dict[LogId, str]:
    contents: dict[LogId, str] = {}
    for log, key, offset in deliveries:
        template = templates[key]
        try:
            contents[log] = template.render_masked(recipients[offset][1])
        except (RenderError, IndexError):
            continue
    return contents


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
