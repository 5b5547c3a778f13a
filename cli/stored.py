"""A stored template as `send` uses it: looked up before anything is published, and held to one version."""

from cli.clients.ledger_client import open_ledger
from cli.errors import UnknownTemplate
from cli.settings import LedgerAddress
from core.ids import request_key
from ledger.models import StoredTemplate


async def find_template(settings: LedgerAddress, tenant: str, code: str, request_id: str | None) -> StoredTemplate:
    """The newest version; for a request that is known by now, the version that it was accepted with.

    Raises UnknownTemplate where the tenant has none of this code.
    """
    async with open_ledger(settings) as ledger:
        known = await ledger.requests.get(request_key(tenant, request_id)) if request_id else None
        version = known.head.template_version if known else None
        found = await ledger.templates.get(tenant, code, version)
    if found is None:
        raise UnknownTemplate(tenant, code, None)
    return found
