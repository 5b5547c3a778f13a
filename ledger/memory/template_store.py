"""Templates in memory."""

from collections.abc import Sequence

from typing_extensions import override

from core.ids import template_id
from core.vendor_template import NO_VENDOR_TEMPLATES, VendorTemplates
from ledger.memory.store import Store
from ledger.ports import Templates
from ledger.stored_template import StoredTemplate
from schemas.statuses import ContentType


class MemoryTemplates(Templates):
    """Templates in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def put(
        self,
        tenant_id: str,
        code: str,
        content: str,
        subject: str | None,
        content_type: ContentType | None = None,
        *,
        secret_variables: Sequence[str] = (),
        vendor_templates: VendorTemplates = NO_VENDOR_TEMPLATES,
    ) -> StoredTemplate:
        name = template_id(tenant_id, code)
        versions = self._store.templates.setdefault(name, [])
        number, now, secret = len(versions) + 1, self._store.clock(), tuple(secret_variables)
        new = StoredTemplate(
            name, tenant_id, code, number, content, subject, now, content_type, secret, vendor_templates
        )
        if not versions or versions[-1].text != new.text:
            versions.append(new)
        return versions[-1]

    @override
    async def get(self, tenant_id: str, code: str, version: int | None = None) -> StoredTemplate | None:
        versions = self._store.templates.get(template_id(tenant_id, code), [])
        if version is None:
            return versions[-1] if versions else None
        return versions[version - 1] if 0 < version <= len(versions) else None

    @override
    async def list(self, tenant_id: str) -> list[StoredTemplate]:
        newest = [versions[-1] for versions in self._store.templates.values()]
        return sorted(
            (template for template in newest if template.tenant_id == tenant_id), key=lambda template: template.code
        )
