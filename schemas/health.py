"""What `/readyz` of either service answers."""

from datetime import datetime

from schemas.record_base import PublishedRecord


class Dependency(PublishedRecord, published_as="Dependency"):
    """Something that a service needs, or would like to have."""

    ready: bool
    trouble: str | None
    """Why it is not, in a few words."""


class Readiness(PublishedRecord, published_as="Readiness"):
    """Whether a service can do its work; 200 when it can, else 503."""

    code: int
    message: str
    timestamp: datetime
    dependencies: dict[str, Dependency]
    """Each by name."""
