"""Recorded consent of a person to a category of messages. Pure.

Records are merged so that their order does not matter: the latest consent counts, and the latest withdrawal. So an
import of old records revives no consent that was withdrawn since.
"""

from datetime import datetime
from typing import NamedTuple


class GivenConsent(NamedTuple):
    """Consent as it was given."""

    at: datetime
    way: str
    """Way in which the person gave it, such as `web-form`."""
    text_version: str
    """Version of the text that the person agreed to."""


class Consent(NamedTuple):
    """Consent of an address to a category."""

    given: GivenConsent | None = None
    """None if only a withdrawal is recorded."""
    withdrawn_at: datetime | None = None

    @property
    def is_in_force(self) -> bool:
        """Return whether messages may be sent. A consent of the moment of a withdrawal counts as withdrawn."""
        return self.given is not None and (self.withdrawn_at is None or self.given.at > self.withdrawn_at)


def with_consent(old: Consent, given: GivenConsent) -> Consent:
    """Return a consent after another one was recorded."""
    return old._replace(given=given) if old.given is None or given.at > old.given.at else old


def with_withdrawal(old: Consent, at: datetime) -> Consent:
    """Return a consent after it was withdrawn."""
    return old._replace(withdrawn_at=at if old.withdrawn_at is None else max(at, old.withdrawn_at))
