"""Response of `/readyz`, the same for both services."""

from datetime import datetime

from schemas.record_base import PublishedRecord


class Dependency(PublishedRecord, published_as="Dependency"):
    """State of one dependency of a service. The service needs it, or works better with it."""

    ready: bool
    trouble: str | None
    """Reason why the dependency is not ready, in a few words."""


class Readiness(PublishedRecord, published_as="Readiness"):
    """Readiness of a service. The status is 200 if the service can do its work, else 503."""

    code: int
    message: str
    timestamp: datetime
    dependencies: dict[str, Dependency]
    """State of each dependency, by its name."""
