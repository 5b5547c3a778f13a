"""Rules of a tenant for marketing e-mail, as far as a dry run can check them."""

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.errors import sentence
from cli.send.request_options import option_of
from cli.send.send_request import SendRequest
from cli.settings import LedgerAddress, ledger_if_given
from core.unsubscribe import LINK_LENGTH, VARIABLE
from ledger.marketing_policy import LACKS_POSTAL_ADDRESS, applies_to, lacks_opt_out, lacks_postal_address
from schemas.tenant_settings import MarketingPolicy

LINK_NOTE = (
    f"{{{{{VARIABLE}}}}} becomes a link of about {LINK_LENGTH} characters, if the services have ROLLCALL_PUBLIC_URL"
)
OPT_OUT_NOTE = (
    f"the tenant requires a link to unsubscribe, and the text has no {{{{{VARIABLE}}}}}. The request is refused unless "
    "the consumers have ROLLCALL_PUBLIC_URL, or the provider has list_unsubscribe."
)


def check_policy(request: SendRequest) -> tuple[list[str], str | None]:
    """Return notes about unsubscribe links, and the reason why the services would refuse the request, or None.

    The settings of the tenant are read if this shell knows the ledger. Over HTTP the token names the tenant.
    """
    notes = [LINK_NOTE] if request.text.needs_link else []
    address = ledger_if_given() if request.tenant_id else None
    if address is None or not applies_to(request.body.channel, request.body.category):
        return notes, None
    policy = loop.run(_read(address, request.tenant_id))
    if lacks_opt_out(policy, request.text):
        notes.append(OPT_OUT_NOTE)
    if lacks_postal_address(policy, request.text):
        field = "template" if request.body.template else "content"
        return notes, f"{option_of(field)}: {sentence(LACKS_POSTAL_ADDRESS)}"
    return notes, None


async def _read(address: LedgerAddress, tenant_id: str) -> MarketingPolicy:
    async with open_ledger(address) as ledger:
        return (await ledger.tenants.get(tenant_id)).settings.marketing
