"""Text of a request. It is sealed once with its placeholders (I9), and opened to render it for each recipient."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from core.ids import RequestKey
from core.render import MissingVariable, RenderError, Template, compile_html, compile_subject, compile_text
from core.render_html import is_html
from ledger.models import RequestHeader, StoredTemplate
from ledger.sealing import Sealer
from schemas.requests import BulkBody
from schemas.statuses import Channel, Reason

Field = Literal["content", "subject"]
"""Names of the two templates of a text."""


@dataclass(frozen=True, slots=True)
class TextProblem:
    """Reason why a text cannot be made for a recipient. It names the variable and never its value."""

    reason: Literal[Reason.MISSING_VARIABLE, Reason.INVALID_CONTENT]
    field: Field
    variable: str


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """Compiled content and subject of a request, with their placeholders."""

    content: Template = field(repr=False)
    subject: Template | None = field(repr=False)
    html: bool
    variables: dict[str, str] = field(repr=False)
    """Variables of the request. Those of the recipient take precedence."""
    has_variables: bool = field(init=False)
    """True if the content or the subject names a variable."""
    content_needs: frozenset[str] = field(init=False)
    """Variables of the content that each recipient must give, because the request does not."""
    subject_needs: frozenset[str] = field(init=False)
    """Variables of the subject that each recipient must give, because the request does not."""

    def __post_init__(self) -> None:
        """Compute once the values that are needed for each recipient."""
        subject = self.subject.names if self.subject else frozenset()
        given = self.variables.keys()
        object.__setattr__(self, "has_variables", bool(self.content.names or subject))
        object.__setattr__(self, "content_needs", self.content.names - given)
        object.__setattr__(self, "subject_needs", subject - given)

    def problem_for(self, variables: Mapping[str, str]) -> TextProblem | None:
        """Return the first reason why a recipient with these variables cannot get the text, or None.

        The length of the content is not checked. It is found when the text is rendered to be sent.
        """
        if not self.has_variables:
            return None
        if not self.content_needs <= variables.keys():
            return self.missing_in("content", variables)
        if self.subject is None:
            return None
        try:
            self.subject.render(variables, self.variables)
        except MissingVariable as error:
            return TextProblem(Reason.MISSING_VARIABLE, "subject", error.name)
        except RenderError as error:
            return TextProblem(Reason.INVALID_CONTENT, "subject", error.name)
        return None

    def missing_in(self, field: Field, variables: Mapping[str, str]) -> TextProblem | None:
        """Return the first variable of the field that neither this recipient nor the request gives, or None."""
        needs = self.content_needs if field == "content" else self.subject_needs
        if needs <= variables.keys():
            return None
        return TextProblem(Reason.MISSING_VARIABLE, field, min(needs - variables.keys()))

    def check_subject(self) -> None:
        """Raise core.render.RenderError if the variables of the request make an invalid subject for every recipient."""
        if self.subject and not self.subject_needs:
            self.subject.render({}, self.variables)


@dataclass(frozen=True, slots=True)
class TextSource:
    """Content and subject of a request before they are compiled."""

    content: str = field(repr=False)
    subject: str | None = field(repr=False)
    content_field: Literal["content", "template"]
    """Field of the request that the content comes from."""
    lacks_subject: bool
    """True if it is an e-mail without a subject."""


def choose_source(body: BulkBody, template: StoredTemplate | None) -> TextSource:
    """Return the content and the subject of a request, with its template or without one.

    The content of the template replaces that of the request. The subject of the request goes before that of the
    template. If the request names a template and the caller has not looked it up, the content is empty and a missing
    subject is not reported.
    """
    if body.template is None:
        content, subject = body.content, body.subject
    elif template is None:
        return TextSource("", body.subject, "template", lacks_subject=False)
    else:
        content, subject = template.content, body.subject or template.subject
    return TextSource(
        content=content,
        subject=subject,
        content_field="content" if body.template is None else "template",
        lacks_subject=body.channel is Channel.EMAIL and not subject,
    )


def compile_template(channel: Channel, content: str, subject: str | None, variables: dict[str, str]) -> MessageTemplate:
    """Compile the text of a request. Raise core.render.TemplateError."""
    html = channel is Channel.EMAIL and is_html(content)
    return MessageTemplate(
        content=compile_html(content) if html else compile_text(content),
        subject=compile_subject(subject) if channel is Channel.EMAIL and subject else None,
        html=html,
        variables=variables,
    )


def seal_template(
    sealer: Sealer, key: RequestKey, content: str, subject: str | None, variables: dict[str, str]
) -> bytes:
    """Seal the text of a request for the ledger."""
    return sealer.seal(orjson.dumps({"content": content, "subject": subject, "variables": variables}), key)


def unseal_template(sealer: Sealer, header: RequestHeader) -> dict[str, Any]:
    """Return `content`, `subject` and `variables` of a stored request. Raise ledger.errors.SealingError."""
    fields: dict[str, Any] = orjson.loads(sealer.open(header.sealed_text, header.key))
    return fields


def open_template(sealer: Sealer, header: RequestHeader) -> MessageTemplate:
    """Return the compiled text of a stored request. Raise ledger.errors.SealingError."""
    return compile_template(header.channel, **unseal_template(sealer, header))
