"""Check of a text before it is stored as a template, because the requests that name it come later."""

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from cli.errors import UsageError
from cli.plain_output import printable
from cli.template_check import check_content_size, check_secret_variables, compile_content
from core.text_limits import TextLimits
from core.vendor_template import VendorTemplates
from ledger.message_template import MessageTemplate, choose_type
from schemas.requests import MAX_CONTENT, Subject, TenantId
from schemas.statuses import Channel, ContentType
from schemas.validation_errors import read_problems
from schemas.variables import Name, SecretVariables

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TemplateInput:
    """A text to store, with its tenant and code."""

    tenant: str
    code: str
    content: str = field(repr=False)
    subject: str | None = field(repr=False)
    content_type: ContentType | None = None
    secret_variables: tuple[str, ...] = ()
    vendor_templates: VendorTemplates = field(default_factory=dict)

    def check(self, limits: TextLimits) -> None:
        """Raise UsageError if no request could use the text or refer to it."""
        _check_value("--tenant", TypeAdapter(TenantId), self.tenant)
        _check_value("CODE", TypeAdapter(Name), self.code)
        if not self.code.isprintable() or self.code != self.code.strip():
            raise UsageError("CODE: must not contain control characters, or begin or end with a blank.")
        if not self.content:
            raise UsageError("--content or --content-file: one of them is required.")
        _check_value("--subject", TypeAdapter(Subject), self.subject or "")
        _check_size(self.content, limits)
        type_choice = choose_type(Channel.EMAIL, self.content, in_template=self.content_type)
        text = compile_content(Channel.EMAIL, self.content, self.subject, {}, type_choice.content_type)
        self._check_secret_variables(text)
        self._check_parameters(text)

    def _check_secret_variables(self, text: MessageTemplate) -> None:
        names = self.secret_variables
        _check_value("--secret-variable", TypeAdapter(SecretVariables), list(names))
        if len(set(names)) < len(names):
            raise UsageError("--secret-variable: must not name a variable twice.")
        check_secret_variables(text, names)

    def _check_parameters(self, text: MessageTemplate) -> None:
        """Raise UsageError for a parameter that the content does not use, because it may have no value."""
        for provider, template in self.vendor_templates.items():
            for at, name in enumerate(template.parameter_order):
                if name not in text.content.names:
                    where = f"--mapping-file: {provider}.parameter_order[{at}]"
                    raise UsageError(f"{where}: {printable(name)} is not a variable of the content.")


def _check_value(option: str, allowed: TypeAdapter[T], value: T) -> None:
    try:
        allowed.validate_python(value)
    except ValidationError as error:
        raise UsageError(f"{option}: {read_problems(error)[0].phrase}") from None


def _check_size(content: str, limits: TextLimits) -> None:
    """Check the size as that of an e-mail. A request for SMS checks its own limit."""
    try:
        content.encode()
    except UnicodeEncodeError:
        raise UsageError("--content: must be valid UTF-8.") from None
    if len(content) > MAX_CONTENT:
        raise UsageError(f"--content: must have at most {MAX_CONTENT:,} characters, has {len(content):,}.")
    check_content_size("--content", content, Channel.EMAIL, limits)
