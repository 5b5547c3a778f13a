"""Check of a request against the rules of its tenant for marketing e-mail."""

from functools import partial

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord
from consumer.provider_choice import all_have_unsubscribe_uri
from ledger.marketing_policy import (
    LACKS_OPT_OUT,
    LACKS_POSTAL_ADDRESS,
    applies_to,
    lacks_opt_out,
    lacks_postal_address,
)
from ledger.message_template import MessageTemplate
from ledger.models import RequestHeader
from schemas.statuses import RejectionReason


async def find_refusal(
    header: RequestHeader, template: MessageTemplate, context: ConsumerContext
) -> RejectedRecord | None:
    """Return the rejection of a request that the tenant does not allow. The caller has loaded the tenant."""
    known = context.tenants.known(header.tenant_id)
    if known is None or not applies_to(header.channel, header.category):
        return None
    policy = known.settings.marketing
    if lacks_opt_out(policy, template) and not (context.tuning.has_links or all_have_unsubscribe_uri(header, context)):
        return _refusal(header, LACKS_OPT_OUT)
    if policy.postal_address is None:
        return None
    check = partial(lacks_postal_address, policy, template)
    is_missing = await context.turn_budget.run(check, template.content.weight(0))
    return _refusal(header, LACKS_POSTAL_ADDRESS) if is_missing else None


def _refusal(header: RequestHeader, problem: str) -> RejectedRecord:
    field = "template" if header.template_id else "content"
    return RejectedRecord(RejectionReason.TENANT_POLICY, f"{field}: {problem}", (field,))
