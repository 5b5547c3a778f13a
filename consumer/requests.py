"""What deliver needs of a request, opened once and kept while it is in use."""

from collections import OrderedDict
from dataclasses import dataclass, field

import orjson

from core.ids import RequestKey
from core.render import Template, compile_html, compile_subject, compile_text
from core.render_html import is_html
from ledger.sealing import Sealer
from ledger.values import Head
from schemas.statuses import Channel


@dataclass(frozen=True, slots=True)
class Text:
    """The content of a request with its placeholders, ready to render."""

    content: Template = field(repr=False)
    subject: Template | None = field(repr=False)
    html: bool
    variables: dict[str, str] = field(repr=False)
    """The request's own, behind those of a recipient."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A request's head and its text."""

    head: Head
    text: Text


def compile_content(channel: Channel, content: str, subject: str | None, variables: dict[str, str]) -> Text:
    """Compile what a request says; raises core.render.TemplateError."""
    html = channel is Channel.EMAIL and is_html(content)
    return Text(
        content=compile_html(content) if html else compile_text(content),
        subject=compile_subject(subject) if channel is Channel.EMAIL and subject else None,
        html=html,
        variables=variables,
    )


def seal_text(sealer: Sealer, key: RequestKey, content: str, subject: str | None, variables: dict[str, str]) -> bytes:
    """The text of a request as the ledger keeps it."""
    return sealer.seal(orjson.dumps({"content": content, "subject": subject, "variables": variables}), key)


def open_text(sealer: Sealer, head: Head) -> Text:
    """The text of a stored request; raises ledger.errors.SealingError."""
    said = orjson.loads(sealer.open(head.sealed_text, head.key))
    return compile_content(head.channel, said["content"], said["subject"], said["variables"])


class RequestCache:
    """The requests that were used last."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._kept: OrderedDict[RequestKey, Opened] = OrderedDict()

    def get(self, key: RequestKey) -> Opened | None:
        """A request that is kept, or None."""
        if found := self._kept.get(key):
            self._kept.move_to_end(key)
        return found

    def put(self, opened: Opened) -> Opened:
        """Keep a request; what was not used for longest goes. Its head never changes once written (I5)."""
        self._kept[opened.head.key] = opened
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return opened
