"""Rules of a tenant for marketing e-mail, as the services and the command line check them. Pure."""

from core.render import RenderError
from core.unsubscribe import VARIABLE
from ledger.message_template import MessageTemplate
from schemas.statuses import Category, Channel
from schemas.tenant_settings import MarketingPolicy

LACKS_OPT_OUT = (
    f"must have {{{{{VARIABLE}}}}}, because the header of the e-mail has no link to unsubscribe, and the tenant "
    "requires one (marketing.require_opt_out). Or set ROLLCALL_PUBLIC_URL."
)
"""Problem of a marketing e-mail without a way to opt out."""
LACKS_POSTAL_ADDRESS = (
    "must show the postal address that the tenant requires in marketing e-mails (marketing.postal_address)"
)
"""Problem of a marketing e-mail that does not say who sent it."""


def applies_to(channel: Channel, category: Category) -> bool:
    """Return whether the rules are for such a message."""
    return channel is Channel.EMAIL and category is Category.MARKETING


def lacks_opt_out(policy: MarketingPolicy, template: MessageTemplate) -> bool:
    """Return whether the text has no link to unsubscribe, and the tenant requires one there or in the header."""
    return bool(policy.require_opt_out) and VARIABLE not in template.content.names


def lacks_postal_address(policy: MarketingPolicy, template: MessageTemplate) -> bool:
    """Return whether a text does not show the postal address that the tenant requires. Blanks do not matter.

    Variables of recipients count as empty, so that the e-mails of all recipients show it.
    """
    if policy.postal_address is None:
        return False
    return _without_blanks(policy.postal_address) not in _without_blanks(_shown_to_all(template))


def _shown_to_all(template: MessageTemplate) -> str:
    content = template.content
    if content.text_part is not None:
        return content.text_part.render(template.variables, {})
    try:
        return content.render(template.variables, dict.fromkeys(content.names, ""))
    except RenderError:  # The deliveries fail for the same reason.
        return ""


def _without_blanks(text: str) -> str:
    return "".join(text.split())
