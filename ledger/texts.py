"""The text of a request: sealed with its placeholders once (I9), and opened to render it for one recipient."""

from dataclasses import dataclass, field
from typing import Any

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


def unseal_text(sealer: Sealer, head: Head) -> dict[str, Any]:
    """`content`, `subject` and `variables` of a stored request; raises ledger.errors.SealingError."""
    said: dict[str, Any] = orjson.loads(sealer.open(head.sealed_text, head.key))
    return said


def open_text(sealer: Sealer, head: Head) -> Text:
    """The text of a stored request; raises ledger.errors.SealingError."""
    return compile_content(head.channel, **unseal_text(sealer, head))
