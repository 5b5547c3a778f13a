"""Content of a request: its own, or that of the stored template that it names."""

from dataclasses import dataclass, field
from functools import partial

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord
from core.addresses.mail_addresses import InvalidMailAddressError, normalise_mail_addresses
from core.ids import RequestKey
from core.render import RenderError, SubjectError, TemplateError
from core.text_limits import size_problem
from core.vendor_template import VendorTemplates
from ledger.compile_message import compile_source
from ledger.message_template import (
    UNFIT_TYPE,
    UNUSED,
    MessageTemplate,
    TextSource,
    choose_source,
)
from ledger.models import RequestHeader, StoredRequest
from ledger.sealed_text import open_template, seal_template
from ledger.sealing import Sealer
from ledger.stored_template import StoredTemplate
from schemas.requests import BulkRequest
from schemas.statuses import ContentType, RejectionReason


@dataclass(frozen=True, slots=True)
class ResolvedContent:
    """The content that this expansion would store for the request, if it is the first one (I5)."""

    sealed_text: bytes = field(repr=False)
    text: MessageTemplate | None = field(repr=False)
    """Compiled template, or None if an earlier expansion stored the content, which is still sealed."""
    template_id: str | None = None
    template_version: int | None = None
    content_type: ContentType | None = None
    """Type to store with the request. See `RequestHeader.content_type`."""
    secret_variables: tuple[str, ...] | None = None
    """Names of the secret variables, those of the template included. None if there are none."""
    sealed_secrets: bytes | None = field(default=None, repr=False)
    vendor_templates: VendorTemplates = field(default_factory=dict)

    def template_for(self, header: RequestHeader, sealer: Sealer, *, has_links: bool) -> MessageTemplate:
        """Return the template of a stored request. A version never changes, so the same one has the same content."""
        decided = header.template_version, header.content_type
        if self.text is None or decided != (self.template_version, self.content_type):
            return open_template(sealer, header, has_links=has_links)
        return self.text


async def resolve_content(
    request: BulkRequest, key: RequestKey, stored: StoredRequest | None, context: ConsumerContext
) -> ResolvedContent | RejectedRecord:
    """Return the content or its rejection.

    Only the first expansion looks the template up, so that a request never mixes versions.
    """
    if request.template is None:
        source = choose_source(request, None)
        too_long = await _check_size(request, source, context)
        if too_long and stored is None:
            stored = await context.retry_until_available("read request", context.ledger.requests.get, key)
        if too_long and stored is None:
            return too_long
        return await _compile_in_turn(request, source, None, key, context)
    if stored is not None:
        header = stored.header
        return ResolvedContent(
            header.sealed_text,
            None,
            header.template_id,
            header.template_version,
            header.content_type,
            header.secret_variables,
            header.sealed_secrets,
            header.vendor_templates,
        )
    tenant_id, code, version = request.tenant_id, request.template, request.template_version
    template = await context.retry_until_available(
        "read template", context.ledger.templates.get, tenant_id, code, version
    )
    if template is None:
        missing = "with this code" if version is None else f"with this code in version {version}"
        message = f"template: not found. The tenant has no template {missing}."
        return RejectedRecord(RejectionReason.UNKNOWN_TEMPLATE, message, ("template",))
    source = choose_source(request, template)
    too_long = await _check_size(request, source, context)
    return too_long or await _compile_in_turn(request, source, template, key, context)


async def _compile_in_turn(
    request: BulkRequest,
    source: TextSource,
    template: StoredTemplate | None,
    key: RequestKey,
    context: ConsumerContext,
) -> ResolvedContent | RejectedRecord:
    """Compile the content without holding up the event loop."""
    has_links = context.tuning.has_links
    compile_and_seal = partial(_compile, request, source, template, key, context.sealer, has_links=has_links)
    return await context.turn_budget.run(compile_and_seal, len(source.content))


async def _check_size(request: BulkRequest, source: TextSource, context: ConsumerContext) -> RejectedRecord | None:
    """Return the rejection of a content that is too long for every recipient.

    It does not count for a stored request. A consumer with a higher limit accepted it, and has perhaps sent some of it.
    """
    limit = context.tuning.text_limits.of(request.channel)
    try:
        problem = await context.turn_budget.run(partial(size_problem, source.content, limit), len(source.content))
    except TemplateError:
        return None  # It is reported when the content is compiled.
    field_name = source.content_field
    message = f"{field_name}: {problem}"
    return RejectedRecord(RejectionReason.INVALID_CONTENT, message, (field_name,)) if problem else None


def _compile(  # noqa: PLR0913  # all that the content is made of
    request: BulkRequest,
    source: TextSource,
    template: StoredTemplate | None,
    key: RequestKey,
    sealer: Sealer,
    *,
    has_links: bool,
) -> ResolvedContent | RejectedRecord:
    """Compile and seal the content, with the addresses of the request.

    Reject the request if its subject is too long for every recipient, or if an address is not valid.
    """
    if source.lacks_subject:
        return RejectedRecord(
            RejectionReason.INVALID_SCHEMA, "subject: is required, because the template has none", ("subject",)
        )
    if source.unfit_type:
        message = f"content_type: {UNFIT_TYPE}"
        return RejectedRecord(RejectionReason.INVALID_SCHEMA, message, ("content_type",))
    try:
        addresses = normalise_mail_addresses(request.reply_to, request.cc)
        text = compile_source(source, request.variables, addresses, has_links=has_links)
        text.check_subject()
    except InvalidMailAddressError as error:
        return RejectedRecord(RejectionReason.INVALID_SCHEMA, str(error), (error.field,))
    except (TemplateError, RenderError) as error:
        in_subject = isinstance(error, SubjectError | RenderError)
        field_name: str = "subject" if in_subject else source.content_field
        problem = error.what if isinstance(error, RenderError) else error  # the name of a variable may be an address
        return RejectedRecord(RejectionReason.INVALID_CONTENT, f"{field_name}: {problem}", (field_name,))
    if (unused := text.find_unused(request.secret_variables or ())) is not None:
        field_name = f"secret_variables[{unused}]"
        return RejectedRecord(RejectionReason.INVALID_CONTENT, f"{field_name}: {UNUSED}", (field_name,))
    sealed = seal_template(sealer, key, source, request, addresses)
    id_, version = (template.id, template.version) if template else (None, None)
    secret = source.secret_variables or None
    vendors = template.vendor_templates if template else {}
    return ResolvedContent(sealed.text, text, id_, version, source.type_to_store, secret, sealed.secrets, vendors)
