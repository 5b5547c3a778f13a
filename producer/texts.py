"""What a request says to its recipients: its own content and subject, or those of the template that it names."""

from collections.abc import Sequence

from core.address_text import has_control
from core.render import RenderError, Template, TemplateError
from ledger.texts import Text, compile_content
from ledger.values import StoredTemplate
from producer.errors import BadRequestError
from producer.problems import path_of
from schemas.requests import AnyRecipient, BulkBody
from schemas.statuses import Channel


class Texts:
    """The texts, compiled; refuses what is no template, and a subject that is missing or would write headers."""

    def __init__(self, body: BulkBody, template: StoredTemplate | None) -> None:
        content, subject = body.content, body.subject
        if template:
            content, subject = template.content, subject or template.subject
        # An SMS has no subject. One that looks like an attack is refused all the same.
        if body.subject and has_control(body.subject):
            raise BadRequestError("subject: holds a line break or another control character")
        if body.channel is Channel.EMAIL and not subject:
            raise BadRequestError("subject: is needed for e-mail, and the template has none")
        place = "template" if template else "content"
        _compiled(place, body, content, None)
        text = _compiled("subject" if body.subject else place, body, content, subject)
        self.content: Template = text.content
        self._variables = body.variables
        self._lacking = {place: text.content} if text.content.missing({}, body.variables) else {}
        if text.subject and text.subject.missing({}, body.variables):
            self._lacking["subject"] = text.subject
        elif text.subject:
            _check_header(text.subject, body.variables)

    def check(self, recipients: Sequence[AnyRecipient], first: int) -> None:
        """Refuse a variable that nobody gave; the first of these recipients is the request's number `first`."""
        for field, template in self._lacking.items():
            for number, recipient in enumerate(recipients, first):
                own = {} if isinstance(recipient, str) else recipient.variables
                missing = template.missing(own, self._variables)
                if missing:
                    path = path_of(("recipients", number, "variables", missing[0]))
                    raise BadRequestError(f"{path}: is named in {field} and given neither here nor in variables")


def _compiled(field: str, body: BulkBody, content: str, subject: str | None) -> Text:
    try:
        return compile_content(body.channel, content, subject, body.variables)
    except TemplateError as error:
        raise BadRequestError(f"{field}: {error}") from None


def _check_header(subject: Template, variables: dict[str, str]) -> None:
    """Refuse what the consumer would refuse as a whole: a subject that no recipient could get."""
    try:
        subject.render({}, variables)
    except RenderError as error:
        raise BadRequestError(f"{path_of(('variables', error.name))}: would break the subject: {error.what}") from None
