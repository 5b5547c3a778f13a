"""Deliveries as HTTP shows them; their text is rendered when it is read (I9), and absent once it is erased."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from core.ids import ChunkId, LogId, RequestKey, chunk_id, position
from core.render import RenderError, TemplateError
from ledger.errors import SealingError
from ledger.ports import Ledger
from ledger.sealing import Sealed, Sealer, open_recipients
from ledger.texts import Text, open_text
from ledger.values import Log, Request
from schemas.http import CommunicationLogResponse

CHUNKS_AT_ONCE = 8
"""So many chunks are held opened at a time: each may weigh as much as a record of the intake."""

T = TypeVar("T")


async def show_logs(logs: Sequence[Log], ledger: Ledger, sealer: Sealer) -> list[CommunicationLogResponse]:
    """The items of an answer, in the order of the logs. A request is read once for all of its deliveries."""
    contents = await _contents(logs, ledger, sealer)
    return [show_log(log, contents.get(log.id)) for log in logs]


async def _contents(logs: Sequence[Log], ledger: Ledger, sealer: Sealer) -> dict[LogId, str]:
    """The text of each delivery, where it can be read."""
    places = {log.id: place for log in logs if (place := position(log.id))}
    requests = await ledger.requests.standing(list({key for key, _, _ in places.values()}))
    texts = {key: text for key, request in requests.items() if (text := _text(request, sealer))}
    contents: dict[LogId, str] = {}
    wanted: dict[ChunkId, list[tuple[LogId, RequestKey, int]]] = defaultdict(list)
    for log, (key, part, index) in places.items():
        known, text = requests.get(key), texts.get(key)
        if known is None or text is None or part not in known.parts:
            continue
        if not text.content.names:
            contents[log] = text.content.render({}, {})
            continue
        first = index - index % known.parts[part].chunk_size
        wanted[chunk_id(key, part, first)].append((log, key, index - first))
    for chunks in _batches(wanted, CHUNKS_AT_ONCE):
        for chunk, sealed in (await ledger.chunks.sealed(chunks)).items():
            recipients = _recipients(sealer, chunk, sealed)
            for log, key, at in wanted[chunk]:
                content = _render(texts[key], recipients[at]) if at < len(recipients) else None
                if content is not None:
                    contents[log] = content
    return contents


def _text(request: Request, sealer: Sealer) -> Text | None:
    """The request's text, unless it is erased or its key is gone."""
    if not request.head.sealed_text:
        return None
    try:
        return open_text(sealer, request.head)
    except (SealingError, TemplateError):
        return None


def _recipients(sealer: Sealer, chunk: ChunkId, sealed: bytes) -> list[Sealed]:
    try:
        return open_recipients(sealer, chunk, sealed)
    except SealingError:
        return []


def _render(text: Text, recipient: Sealed) -> str | None:
    """The text, or None for a delivery that failed because it has none."""
    try:
        return text.content.render(recipient[1], text.variables)
    except RenderError:
        return None


def show_log(log: Log, content: str | None) -> CommunicationLogResponse:
    """One delivery with its text, where that can be read."""
    return CommunicationLogResponse(
        id=log.id,
        channel=log.channel,
        content=content,
        recipient=log.recipient,
        status=log.status,
        provider=log.provider,
        response=log.response,
        error=log.error,
        template_id=log.template_id,
        tenant_id=log.tenant_id,
        user_id=log.user_id,
        created_at=log.created_at,
        updated_at=log.updated_at,
        sent_at=log.sent_at,
        request_id=log.request_id,
        reference=log.reference,
        reason=log.reason,
        attempts=log.attempts,
    )


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
