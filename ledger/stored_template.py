"""Stored template as a value. Its repr shows no text."""

from dataclasses import dataclass, field
from datetime import datetime

from core.vendor_template import VendorTemplates
from schemas.statuses import ContentType


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """Version of a template of a tenant. A version never changes. An update creates a new version."""

    id: str
    """Id of the template, the same for all versions."""
    tenant_id: str
    code: str
    version: int
    """Number of the version, from 1."""
    content: str = field(repr=False)
    subject: str | None = field(repr=False)
    created_at: datetime
    content_type: ContentType | None = None
    """Type of the content. None: the request or the rule decides."""
    secret_variables: tuple[str, ...] = ()
    """Names of the variables whose values are never shown, in each request that uses the template."""
    vendor_templates: VendorTemplates = field(default_factory=dict, hash=False)
    """Templates of vendors that say the same, by the name of the provider."""

    @property
    def text(self) -> tuple[str, str | None, ContentType | None, tuple[str, ...], VendorTemplates]:
        """Return the fields that a request takes over. Two versions in a row differ in them."""
        return self.content, self.subject, self.content_type, self.secret_variables, self.vendor_templates
