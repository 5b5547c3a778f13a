"""Checks of the content and subject of a request: its own, or those of the template that it names.

Also of its times, and of its mail addresses.
"""

from collections.abc import Sequence
from datetime import datetime

from core.addresses.control_characters import has_control
from core.addresses.mail_addresses import InvalidMailAddressError, normalise_mail_addresses
from core.render import RenderError, SubjectError, TemplateError
from core.text_limits import TextLimits, size_problem
from ledger.compile_message import compile_source
from ledger.marketing_policy import LACKS_OPT_OUT, LACKS_POSTAL_ADDRESS, lacks_opt_out, lacks_postal_address
from ledger.message_template import (
    UNFIT_TYPE,
    UNUSED,
    Field,
    MessageTemplate,
    TextSource,
    choose_source,
)
from ledger.stored_template import StoredTemplate
from producer.errors import BadRequestError, NotFoundError
from producer.ledger_gateway import LedgerGateway
from schemas.request_times import too_far_ahead
from schemas.requests import AnyRecipient, BulkBody
from schemas.tenant_settings import MarketingPolicy
from schemas.validation_errors import path_of


class ContentChecker:
    """The compiled content and subject of one request.

    The constructor raises BadRequestError if they are not valid templates, if the content is too long, or if the
    subject is missing or would add headers. So it does for a marketing e-mail that the tenant does not allow.
    """

    def __init__(  # noqa: PLR0913  # all that decides about a content
        self,
        body: BulkBody,
        template: StoredTemplate | None,
        limits: TextLimits,
        *,
        is_lenient: bool = False,
        has_links: bool = False,
        policy: MarketingPolicy | None = None,
    ) -> None:
        source = choose_source(body, template)
        # An SMS has no subject. One that looks like an attack is refused nevertheless.
        if body.subject and has_control(body.subject):
            raise BadRequestError("subject: must not contain a line break or another control character")
        if source.lacks_subject:
            raise BadRequestError("subject: is required for e-mail, and the template has no subject")
        if source.unfit_type:
            raise BadRequestError(f"content_type: {UNFIT_TYPE}")
        content_field = source.content_field
        self.message = _compile(body, source, limits, has_links=has_links)
        """The text as it will be sent."""
        _check_subject(self.message)
        _check_secret_variables(self.message, body)
        if policy is not None:
            _check_policy(self.message, content_field, policy)
        self._is_lenient = is_lenient
        self._field_names: dict[Field, str] = {"content": content_field, "subject": "subject"}

    def check(self, recipients: Sequence[AnyRecipient], first: int) -> None:
        """Raise BadRequestError if a recipient lacks a variable. The first recipient has position `first`.

        For a lenient call such a recipient fails alone, as over Kafka.
        """
        if self._is_lenient or not (self.message.content_needs or self.message.subject_needs):
            return
        for field, name in self._field_names.items():
            for position, recipient in enumerate(recipients, first):
                variables = {} if isinstance(recipient, str) else recipient.variables
                if problem := self.message.missing_in(field, variables):
                    path = path_of(("recipients", position, "variables", problem.variable))
                    raise BadRequestError(f"{path}: is used in {name}. Give it here or in `variables`.")


def _compile(body: BulkBody, source: TextSource, limits: TextLimits, *, has_links: bool) -> MessageTemplate:
    try:
        if problem := size_problem(source.content, limits.of(body.channel)):
            raise BadRequestError(f"{source.content_field}: {problem}")
        return compile_source(source, body.variables, has_links=has_links)
    except TemplateError as error:
        field = "subject" if isinstance(error, SubjectError) and body.subject else source.content_field
        raise BadRequestError(f"{field}: {error}") from None


def _check_policy(message: MessageTemplate, content_field: str, policy: MarketingPolicy) -> None:
    """Raise BadRequestError if the tenant does not allow the text of a marketing e-mail."""
    if lacks_opt_out(policy, message):
        raise BadRequestError(f"{content_field}: {LACKS_OPT_OUT}")
    if lacks_postal_address(policy, message):
        raise BadRequestError(f"{content_field}: {LACKS_POSTAL_ADDRESS}")


def _check_subject(message: MessageTemplate) -> None:
    """Raise BadRequestError if the subject is invalid for every recipient. The consumer would reject the request."""
    try:
        message.check_subject()
    except RenderError as error:
        path = path_of(("variables", error.name))
        raise BadRequestError(f"{path}: makes the subject invalid: {error.what}") from None


def _check_secret_variables(message: MessageTemplate, body: BulkBody) -> None:
    if (unused := message.find_unused(body.secret_variables or ())) is not None:
        raise BadRequestError(f"{path_of(('secret_variables', unused))}: {UNUSED}")


def check_times(body: BulkBody, accepted_at: datetime) -> None:
    """Raise BadRequestError for a time too far in the future, or for an expiry before anything can be sent."""
    if body.expires_at and body.expires_at <= accepted_at:
        raise BadRequestError("expires_at: has passed")
    if problem := too_far_ahead(body, accepted_at):
        raise BadRequestError(": ".join(problem))


def check_mail_addresses(body: BulkBody) -> None:
    """Raise BadRequestError for an invalid `reply_to` or member of `cc`."""
    try:
        normalise_mail_addresses(body.reply_to, body.cc)
    except InvalidMailAddressError as error:
        raise BadRequestError(str(error)) from None


async def find_template(gateway: LedgerGateway, tenant_id: str, code: str, version: int | None) -> StoredTemplate:
    """Return a version of a tenant's template, by default the newest. Raises NotFoundError, UnavailableError."""
    template = await gateway.query(lambda ledger: ledger.templates.get(tenant_id, code, version))
    if template is None:
        raise NotFoundError(f"template: {code} was not found")
    return template
