"""A text before it is stored as a template: checked, since requests that name it come later."""

from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from cli.errors import UsageError
from cli.template_check import compile_all
from schemas.requests import Name, Subject, TenantId
from schemas.statuses import Channel
from schemas.validation_errors import read_problems

MAX_TEMPLATE_BYTES = 512 * 1024
"""What a text may weigh in UTF-8; the content of a request has about as much room."""


@dataclass(frozen=True, slots=True)
class TemplateInput:
    """A text, and the name under which it is to be stored."""

    tenant: str
    code: str
    content: str = field(repr=False)
    subject: str | None = field(repr=False)

    def check(self) -> None:
        """Raise UsageError where no request could use the text, or name it."""
        _check_value("--tenant", TypeAdapter(TenantId), self.tenant)
        _check_value("CODE", TypeAdapter(Name), self.code)
        if not self.code.isprintable() or self.code != self.code.strip():
            raise UsageError("CODE: has control characters, or blanks at its ends")
        if not self.content:
            raise UsageError("--content: is needed, or --content-file")
        _check_value("--subject", TypeAdapter(Subject), self.subject or "")
        _check_size(self.content)
        compile_all(Channel.EMAIL, self.content, self.subject, {})


def _check_value(option: str, allowed: TypeAdapter[str], value: str) -> None:
    try:
        allowed.validate_python(value)
    except ValidationError as error:
        raise UsageError(f"{option}: {read_problems(error)[0].phrase}") from None


def _check_size(content: str) -> None:
    try:
        size = len(content.encode())
    except UnicodeEncodeError:
        raise UsageError("--content: is not UTF-8") from None
    if size > MAX_TEMPLATE_BYTES:
        raise UsageError(f"--content: takes {size:,} bytes, more than {MAX_TEMPLATE_BYTES:,}")
