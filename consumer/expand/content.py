"""What a request says: its own content, or the text of the template that it names."""

from dataclasses import dataclass, field

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord
from core.ids import RequestKey
from core.render import RenderError, TemplateError
from ledger.message_template import MessageTemplate, choose_source, compile_template, open_template, seal_template
from ledger.models import RequestHeader, StoredRequest, StoredTemplate
from ledger.sealing import Sealer
from schemas.requests import BulkRequest
from schemas.statuses import RejectionReason


@dataclass(frozen=True, slots=True)
class ResolvedContent:
    """What this expansion would let a request say, if it is the first (I5)."""

    sealed_text: bytes = field(repr=False)
    text: MessageTemplate | None = field(repr=False)
    """None: another expansion was the first, and the text is still sealed."""
    template_id: str | None = None
    template_version: int | None = None

    def template_for(self, header: RequestHeader, sealer: Sealer) -> MessageTemplate:
        """What the request says whose head stands. Versions never change, so the same one has the same text."""
        if self.text is None or self.template_version != header.template_version:
            return open_template(sealer, header)
        return self.text


async def resolve_content(
    request: BulkRequest, key: RequestKey, stored: StoredRequest | None, context: ConsumerContext
) -> ResolvedContent | RejectedRecord:
    """The wording; a template is looked up for the first expansion alone, so that later ones never mix versions."""
    if request.template is None:
        return _compile(request, None, key, context.sealer)
    if stored is not None:
        return ResolvedContent(
            stored.header.sealed_text, None, stored.header.template_id, stored.header.template_version
        )
    tenant_id, code, version = request.tenant_id, request.template, request.template_version
    found = await context.retry_until_available(
        "look for the template", context.ledger.templates.get, tenant_id, code, version
    )
    if found is None:
        which = "of this code" if version is None else f"of this code in version {version}"
        return RejectedRecord(RejectionReason.UNKNOWN_TEMPLATE, f"the tenant has no template {which}", ("template",))
    return _compile(request, found, key, context.sealer)


def _compile(
    request: BulkRequest, template: StoredTemplate | None, key: RequestKey, sealer: Sealer
) -> ResolvedContent | RejectedRecord:
    """Compile and seal; a subject that no recipient's variables could make fit is refused as a whole."""
    source = choose_source(request, template)
    if source.lacks_subject:
        return RejectedRecord(
            RejectionReason.INVALID_SCHEMA, "subject: is needed, for the template has none", ("subject",)
        )
    place: str = source.content_field
    try:
        compile_template(request.channel, source.content, None, request.variables)
        place = "subject"
        text = compile_template(request.channel, source.content, source.subject, request.variables)
        text.check_subject()
    except (TemplateError, RenderError) as error:
        return RejectedRecord(RejectionReason.INVALID_CONTENT, f"{place}: {error}", (place,))
    sealed = seal_template(sealer, key, source.content, source.subject, request.variables)
    return ResolvedContent(sealed, text, template.id, template.version) if template else ResolvedContent(sealed, text)
