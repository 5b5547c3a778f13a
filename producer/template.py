"""The template that a request names."""

from ledger.models import StoredTemplate
from producer.errors import NotFoundError
from producer.ledger_gateway import Archive


async def find_template(archive: Archive, tenant_id: str, code: str, version: int | None) -> StoredTemplate:
    """A version of a tenant's template, by default the newest; raises NotFoundError, UnavailableError."""
    found = await archive.ask(lambda ledger: ledger.templates.get(tenant_id, code, version))
    if found is None:
        raise NotFoundError(f"template: there is no template {code}")
    return found
