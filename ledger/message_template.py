"""Text of a request: its source, its compiled form, and its problems. ledger/sealed_text.py stores it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sys import getsizeof
from typing import Literal

from core.addresses.mail_addresses import NO_ADDRESSES, MailAddresses
from core.content_type import ContentTypeChoice, first_rule, guess_content_type, without_mark
from core.render import (
    MAX_SUBJECT,
    MissingVariable,
    RenderError,
    Template,
    TextTooLong,
)
from core.text_limits import TextLimit
from core.unsubscribe import LINK_LENGTH, VARIABLE
from core.variable_names import Variables, names_in, normalise_name
from ledger.stored_template import StoredTemplate
from ledger.text_size import TextMeasure
from schemas.requests import BulkBody
from schemas.statuses import Channel, ContentType, Reason

Field = Literal["content", "subject"]
"""Names of the two templates of a text."""

MASK = "***"
"""Text that is shown in place of a secret value. Its length tells nothing."""
UNUSED = "is used in neither content nor subject. Remove it, or write it as a placeholder."
"""Problem of a secret variable that would hide nothing. It is probably misspelt."""

UNFIT_TYPE = "must be text/plain for SMS, and the template has text/html. State text/plain to send it as text."
"""Problem of a request whose `content_type` comes from a template that is not for its channel."""


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
    secret_variables: tuple[str, ...] = ()
    """Names of the variables whose values are never shown."""
    addresses: MailAddresses = NO_ADDRESSES
    has_links: bool = False
    """True if a recipient without a value for `core.unsubscribe.VARIABLE` gets a link of its own in the content."""
    masked_content: Template = field(init=False, repr=False)
    """The content, in which the mask of a secret variable is inserted as it is, also in a link."""
    has_variables: bool = field(init=False)
    """True if the content or the subject names a variable."""
    content_needs: frozenset[str] = field(init=False)
    """Variables of the content that each recipient must give, because the request does not."""
    needs_link: bool = field(init=False)
    """True if the content names the link, and the request gives no value for it."""
    subject_needs: frozenset[str] = field(init=False)
    """Variables of the subject that each recipient must give, because the request does not."""
    measure: TextMeasure = field(init=False, repr=False)
    """Measure of the content that each recipient gets."""

    def __post_init__(self) -> None:
        """Compute once the values that are needed for each recipient."""
        subject = self.subject.names if self.subject else frozenset()
        given = names_in(self.variables)
        object.__setattr__(self, "masked_content", self.content.keep_as_given(self.secret_variables))
        object.__setattr__(self, "has_variables", bool(self.content.names or subject))
        needs = self.content.names - given
        needs_link = self.has_links and VARIABLE in needs
        object.__setattr__(self, "needs_link", needs_link)
        object.__setattr__(self, "content_needs", needs - {VARIABLE} if needs_link else needs)
        object.__setattr__(self, "subject_needs", subject - given)
        measured = {**self.variables, VARIABLE: "-" * LINK_LENGTH} if needs_link else self.variables
        object.__setattr__(self, "measure", TextMeasure(self.content, measured))

    @property
    def size(self) -> int:
        """Return the number of bytes that the text takes in memory, with its variables."""
        masked = self.masked_content.size if self.masked_content is not self.content else 0
        texts = self.content.size + masked + (self.subject.size if self.subject else 0)
        return texts + sum(getsizeof(name) + getsizeof(value) for name, value in self.variables.items())

    def problem_for(self, variables: Mapping[str, str]) -> TextProblem | None:
        """Return the first reason why a recipient with these variables cannot get the text, or None.

        The length of the content is not checked. It is found when the text is rendered to be sent.
        """
        if not self.has_variables:
            return None
        if (problem := self.missing_in("content", variables)) or self.subject is None:
            return problem
        try:
            self.render_subject(variables)
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
        missing = needs - names_in(variables)
        return TextProblem(Reason.MISSING_VARIABLE, field, min(missing)) if missing else None

    def render_content(self, variables: Mapping[str, str], limit: TextLimit) -> str:
        """Return the content to send. Raise core.render.RenderError, which is TextTooLong beyond the limit."""
        text = self.content.render(variables, self.variables, limit.max_characters)
        if not limit.fits(text):
            raise TextTooLong("", limit.max_characters)
        return text

    def render_subject(self, variables: Mapping[str, str]) -> str | None:
        """Return the subject to send, if there is one. Raise core.render.RenderError."""
        return self.subject.render(variables, self.variables, MAX_SUBJECT) if self.subject else None

    def render_masked(self, variables: Mapping[str, str]) -> str:
        """Return the content as it may be shown. Raise core.render.RenderError.

        The mask takes the place of each secret variable, whether its value is given, missing or erased. It also takes
        that of an unsubscribe link, because anybody who has the link can unsubscribe the recipient.
        """
        masked = {**variables, **dict.fromkeys(self.secret_variables, MASK)}
        return self.masked_content.render(masked, {VARIABLE: MASK, **self.variables})

    def secrets_of(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        """Return the secret values that the text of a recipient with these variables may contain, also escaped."""
        values = Variables(variables, self.variables)
        given = ((name, value) for name in self.secret_variables if (value := values.get(name)))
        return tuple(dict.fromkeys(form for name, value in given for form in self.content.forms_of(name, value)))

    def find_unused(self, names: Sequence[str]) -> int | None:
        """Return the position of the first of these variables that neither the content nor the subject uses."""
        used = self.content.names | (self.subject.names if self.subject else frozenset())
        return next((at for at, name in enumerate(names) if normalise_name(name) not in used), None)

    def check_subject(self) -> None:
        """Raise core.render.RenderError if the variables of the request make an invalid subject for every recipient."""
        if not self.subject_needs:
            self.render_subject({})


@dataclass(frozen=True, slots=True)
class TextSource:
    """Content and subject of a request before they are compiled."""

    channel: Channel
    content: str = field(repr=False)
    subject: str | None = field(repr=False)
    content_field: Literal["content", "template"]
    """Field of the request that the content comes from."""
    lacks_subject: bool
    """True if it is an e-mail without a subject."""
    type_choice: ContentTypeChoice | None
    """Type of the content and the reason for it, or None without the template that the request names."""
    stated_type: ContentType | None = None
    """Type that the request or its template states. None if a rule chose the type."""
    unfit_type: bool = False
    """True if it is an SMS and the template states HTML."""
    secret_variables: tuple[str, ...] = ()
    """Names of the secret variables of the request, then those of its template."""

    @property
    def content_type(self) -> ContentType:
        """Return the type of the content."""
        return self.type_choice.content_type if self.type_choice else ContentType.PLAIN

    @property
    def type_to_store(self) -> ContentType | None:
        """Return the type for the stored request, or None if that of a request without one is the same."""
        unstated = ContentType.PLAIN if self.channel is Channel.SMS else first_rule(self.content)
        return self.stated_type or (self.content_type if self.content_type is not unstated else None)


def choose_source(body: BulkBody, template: StoredTemplate | None) -> TextSource:
    """Return the content and the subject of a request, with its template or without one.

    The content of the template replaces that of the request. The subject and the content type of the request go before
    those of the template. If the request names a template and the caller has not looked it up, the content is empty and
    a missing subject is not reported.
    """
    named = (*(body.secret_variables or ()), *(template.secret_variables if template else ()))
    secret = tuple(dict.fromkeys(normalise_name(name) or name for name in named))
    if body.template is not None and template is None:
        choice = choose_type(body.channel, "", body.content_type) if body.content_type else None
        return TextSource(
            body.channel,
            "",
            body.subject,
            "template",
            lacks_subject=False,
            type_choice=choice,
            secret_variables=secret,
        )
    content = without_mark(template.content if template else body.content)
    subject = body.subject or (template.subject if template else None)
    in_template = template.content_type if template else None
    choice = choose_type(body.channel, content, body.content_type, in_template)
    return TextSource(
        channel=body.channel,
        content=content,
        subject=subject,
        content_field="template" if template else "content",
        lacks_subject=body.channel is Channel.EMAIL and not subject,
        type_choice=choice,
        stated_type=body.content_type or in_template,
        unfit_type=body.channel is Channel.SMS and choice.content_type is ContentType.HTML,
        secret_variables=secret,
    )


def choose_type(
    channel: Channel, content: str, in_request: ContentType | None = None, in_template: ContentType | None = None
) -> ContentTypeChoice:
    """Return the type of the content: that of the request, else that of its template, else by the rule."""
    if in_request is not None:
        return ContentTypeChoice(in_request, "the request states it")
    if in_template is not None:
        return ContentTypeChoice(in_template, "the template states it")
    if channel is Channel.SMS:
        return ContentTypeChoice(ContentType.PLAIN, "an SMS is text")
    return guess_content_type(content)
