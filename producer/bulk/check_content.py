"""What a request says to its recipients: its own content and subject, or those of the template that it names."""

from collections.abc import Sequence

from core.addresses.control_characters import has_control
from core.render import RenderError, Template, TemplateError
from ledger.message_template import MessageTemplate, choose_source, compile_template
from ledger.models import StoredTemplate
from producer.errors import BadRequestError, NotFoundError
from producer.ledger_gateway import LedgerGateway
from schemas.requests import AnyRecipient, BulkBody
from schemas.validation_errors import path_of


class ContentChecker:
    """The texts, compiled; refuses what is no template, and a subject that is missing or would write headers."""

    def __init__(self, body: BulkBody, template: StoredTemplate | None) -> None:
        source = choose_source(body, template)
        # An SMS has no subject. One that looks like an attack is refused all the same.
        if body.subject and has_control(body.subject):
            raise BadRequestError("subject: holds a line break or another control character")
        if source.lacks_subject:
            raise BadRequestError("subject: is needed for e-mail, and the template has none")
        place = source.content_field
        _compiled(place, body, source.content, None)
        text = _compiled("subject" if body.subject else place, body, source.content, source.subject)
        _check_subject(text)
        self.content: Template = text.content
        self._text = text
        self._places = {"content": place, "subject": "subject"}

    def check(self, recipients: Sequence[AnyRecipient], first: int) -> None:
        """Refuse a variable that nobody gave; the first of these recipients is the request's number `first`."""
        if not self._text.content_needs and not self._text.subject_needs:
            return
        for number, recipient in enumerate(recipients, first):
            own = {} if isinstance(recipient, str) else recipient.variables
            if problem := self._text.missing_for(own):
                path = path_of(("recipients", number, "variables", problem.variable))
                place = self._places[problem.field]
                raise BadRequestError(f"{path}: is named in {place} and given neither here nor in variables")


def _compiled(field: str, body: BulkBody, content: str, subject: str | None) -> MessageTemplate:
    try:
        return compile_template(body.channel, content, subject, body.variables)
    except TemplateError as error:
        raise BadRequestError(f"{field}: {error}") from None


def _check_subject(text: MessageTemplate) -> None:
    """Refuse a subject that no recipient could get. The consumer would refuse the whole request."""
    try:
        text.check_subject()
    except RenderError as error:
        raise BadRequestError(f"{path_of(('variables', error.name))}: would break the subject: {error.what}") from None


async def find_template(archive: LedgerGateway, tenant_id: str, code: str, version: int | None) -> StoredTemplate:
    """A version of a tenant's template, by default the newest; raises NotFoundError, UnavailableError."""
    found = await archive.query(lambda ledger: ledger.templates.get(tenant_id, code, version))
    if found is None:
        raise NotFoundError(f"template: there is no template {code}")
    return found
