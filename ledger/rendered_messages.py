"""Texts of deliveries, rendered from the sealed data of requests and chunks (I9)."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TypeVar

from config.turn_budget import TurnBudget
from core.ids import ChunkId, LogId, RequestKey, chunk_id, position
from core.render import RenderError, TemplateError
from ledger.chunk_recipients import ChunkRecipient, open_recipients
from ledger.errors import SealingError
from ledger.message_template import MessageTemplate
from ledger.models import Log, Part
from ledger.personal_data_port import is_erased
from ledger.ports import Ledger
from ledger.sealed_text import open_template
from ledger.sealing import Sealer

MAX_OPENED = 4
"""Maximum number of requests, and of their chunks, in memory at a time. Each may have hundreds of kilobytes."""

T = TypeVar("T")
Deliveries = Sequence[tuple[LogId, int, int]]
"""Deliveries of one request: their log, part and index."""


async def render_messages(
    ledger: Ledger, sealer: Sealer, logs: Sequence[Log], *, skip_unreadable: bool = False
) -> dict[LogId, str]:
    """Return the text of each delivery, as `iterate_messages` does."""
    return {log: text async for log, text in iterate_messages(ledger, sealer, logs, skip_unreadable=skip_unreadable)}


async def iterate_messages(
    ledger: Ledger,
    sealer: Sealer,
    logs: Sequence[Log],
    *,
    skip_unreadable: bool = False,
    budget: TurnBudget | None = None,
) -> AsyncIterator[tuple[LogId, str]]:
    """Yield the text of each delivery, except those whose text is erased or cannot be rendered.

    Secret variables are masked and their values are not read.
    A request or a chunk is read once for all of its deliveries. Raise SealingError if a key is missing. With
    `skip_unreadable`, leave out the texts under that key instead.
    """
    budget = budget or TurnBudget()
    skipped_errors = (SealingError,) if skip_unreadable else ()
    deliveries: dict[RequestKey, list[tuple[LogId, int, int]]] = defaultdict(list)
    for log in logs:
        if (parsed := position(log.id)) and not is_erased(log.recipient):
            key, part, index = parsed
            deliveries[key].append((log.id, part, index))
    for keys in _batches(deliveries, MAX_OPENED):
        opened = _OpenedRequests()
        for key, request in (await ledger.requests.get_many(keys)).items():
            with suppress(TemplateError, *skipped_errors):
                if request.header.sealed_text:
                    open_text = partial(open_template, sealer, request.header)
                    template = await budget.run(open_text, len(request.header.sealed_text))
                    opened.add(key, template, request.parts, deliveries[key])
        for static in opened.static_texts():
            yield static
        for chunks in _batches(opened.chunks, MAX_OPENED):
            for chunk, sealed in (await ledger.chunks.get_sealed(chunks)).items():
                await budget.wait()
                recipients: Sequence[ChunkRecipient] = ()
                with suppress(*skipped_errors):
                    recipients = open_recipients(sealer, chunk, sealed)
                for log_id, render, weight in opened.renderings_of(chunk, recipients):
                    with suppress(RenderError):
                        yield log_id, await budget.run(render, weight)


class _OpenedRequests:
    """A few requests with their templates, and the deliveries that are rendered with them."""

    def __init__(self) -> None:
        self.chunks: dict[ChunkId, tuple[MessageTemplate, list[tuple[LogId, int]]]] = {}
        """Template of each chunk that must be read, and the logs of its deliveries with their places in it."""
        self._static: list[tuple[LogId, MessageTemplate]] = []

    def add(
        self, key: RequestKey, template: MessageTemplate, parts: Mapping[int, Part], deliveries: Deliveries
    ) -> None:
        for log, part, index in deliveries:
            if part not in parts:
                continue
            if not template.content.names:
                self._static.append((log, template))
                continue
            first = index - index % parts[part].chunk_size
            _, places = self.chunks.setdefault(chunk_id(key, part, first), (template, []))
            places.append((log, index - first))

    def static_texts(self) -> Iterator[tuple[LogId, str]]:
        """Yield the texts that need no chunk, because they have no variables."""
        return ((log, template.content.render({}, {})) for log, template in self._static)

    def renderings_of(
        self, chunk: ChunkId, recipients: Sequence[ChunkRecipient]
    ) -> Iterator[tuple[LogId, Callable[[], str], int]]:
        """Yield the log of each delivery of a chunk, the function that renders its text, and the weight of that."""
        template, places = self.chunks[chunk]
        for log, place in places:
            if place < len(recipients):
                variables = recipients[place][1]
                yield log, partial(template.render_masked, variables), template.measure.of(variables).characters


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
