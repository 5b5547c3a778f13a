"""The texts of deliveries as each was sent, rendered from what lies sealed in requests and chunks (I9)."""

from collections.abc import Mapping, Sequence

from core.ids import ChunkId, chunk_id, position
from core.render import RenderError, TemplateError
from ledger.ports import Ledger
from ledger.sealing import Sealer, open_recipients
from ledger.texts import Text, open_text
from ledger.values import Log, Request


async def render_contents(ledger: Ledger, sealer: Sealer, logs: Sequence[Log]) -> list[str | None]:
    """The content of each of some logs, in order; None where it was erased, or could never be rendered.

    Raises ledger.errors.SealingError where a key is missing.
    """
    places = [place for log in logs if (place := position(log.id))]
    requests = await ledger.requests.standing(list({key for key, _, _ in places}))
    homes = {(key, part, index): _chunk_of(requests.get(key), part, index) for key, part, index in places}
    sealed = await ledger.chunks.sealed(list({home for home, _ in homes.values() if home}))
    variables = {home: [given for _, given in open_recipients(sealer, home, said)] for home, said in sealed.items()}
    texts = {key: _text_of(request, sealer) for key, request in requests.items()}
    contents: list[str | None] = []
    for key, part, index in places:
        home, first = homes[key, part, index]
        text = texts.get(key)
        given = variables.get(home) if home else None
        contents.append(_render(text, given[index - first]) if text and given else None)
    return contents


def _chunk_of(request: Request | None, part: int, index: int) -> tuple[ChunkId | None, int]:
    """(the chunk that holds a position, the index of its first recipient)."""
    begun = request.parts.get(part) if request else None
    if request is None or begun is None:
        return None, 0
    first = index - index % begun.chunk_size
    return chunk_id(request.head.key, part, first), first


def _text_of(request: Request, sealer: Sealer) -> Text | None:
    if not request.head.sealed_text:
        return None
    try:
        return open_text(sealer, request.head)
    except TemplateError:
        return None


def _render(text: Text, given: Mapping[str, str]) -> str | None:
    try:
        return text.content.render(given, text.variables)
    except RenderError:
        return None
