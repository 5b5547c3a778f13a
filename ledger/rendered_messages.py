"""The texts of deliveries as each gets it, rendered from what lies sealed in requests and chunks (I9)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from core.ids import ChunkId, LogId, RequestKey, chunk_id, position
from core.render import RenderError, TemplateError
from ledger.errors import SealingError
from ledger.message_template import MessageTemplate, open_template
from ledger.models import Log
from ledger.ports import Ledger
from ledger.sealing import Sealed, Sealer, open_recipients

CHUNKS_AT_ONCE = 8
"""So many chunks are held opened at a time: each may weigh as much as a record of the intake."""

T = TypeVar("T")
MessageKey = tuple[LogId, RequestKey, int]
"""A delivery: its log, its request, and where it stands in its chunk."""


async def render_messages(
    ledger: Ledger, sealer: Sealer, logs: Sequence[Log], *, skip_unreadable: bool = False
) -> dict[LogId, str]:
    """The text of each delivery that has one: not once it is erased, nor where none could be made for it.

    A request or a chunk is read once for all of its deliveries. Raises SealingError where a key is missing, unless
    `lenient`: then what it sealed is left out.
    """
    contents: dict[LogId, str] = {}
    unopened = [SealingError] if skip_unreadable else []
    places = {log.id: place for log in logs if (place := position(log.id))}
    requests = await ledger.requests.get_many(list({key for key, _, _ in places.values()}))
    texts: dict[RequestKey, MessageTemplate] = {}
    for key, request in requests.items():
        with suppress(TemplateError, *unopened):
            if request.header.sealed_text:
                texts[key] = open_template(sealer, request.header)
    wanted: dict[ChunkId, list[MessageKey]] = defaultdict(list)
    for log, (key, part, index) in places.items():
        text = texts.get(key)
        if text is None or part not in requests[key].parts:
            continue
        if not text.content.names:
            contents[log] = text.content.render({}, {})
            continue
        first = index - index % requests[key].parts[part].chunk_size
        wanted[chunk_id(key, part, first)].append((log, key, index - first))
    for chunks in _batches(wanted, CHUNKS_AT_ONCE):
        for chunk, sealed in (await ledger.chunks.get_sealed(chunks)).items():
            with suppress(*unopened):
                contents |= _rendered(wanted[chunk], texts, open_recipients(sealer, chunk, sealed))
    return contents


def _rendered(
    lines: Sequence[MessageKey], texts: dict[RequestKey, MessageTemplate], recipients: Sequence[Sealed]
) -> dict[LogId, str]:
    found: dict[LogId, str] = {}
    for log, key, at in lines:
        text = texts[key]
        try:
            found[log] = text.content.render(recipients[at][1], text.variables)
        except (RenderError, IndexError):
            continue
    return found


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
