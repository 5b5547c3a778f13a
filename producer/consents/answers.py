"""Answers about consents."""

from core.consents import Consent
from schemas.consents import ConsentResponse
from schemas.statuses import Category, Channel


def shown_consent(channel: Channel, category: Category, recipient: str, consent: Consent) -> ConsentResponse:
    """Return a consent. The recipient is written as the caller may see it."""
    given = consent.given
    return ConsentResponse(
        channel=channel,
        recipient=recipient,
        category=category,
        in_force=consent.is_in_force,
        given_at=given and given.at,
        way=given and given.way,
        text_version=given and given.text_version,
        withdrawn_at=consent.withdrawn_at,
    )
