"""Consents of addresses to the categories of a tenant, as they are recorded from wherever they come."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from core.consents import GivenConsent
from core.record_time import truncate_to_milliseconds
from ledger.consent_key import ConsentKey
from ledger.ports import Ledger
from ledger.suppressing import InvalidSuppressionError, normalised_recipient
from schemas.consents import ConsentAddition
from schemas.statuses import Category, Channel


class ConsentingAddress(NamedTuple):
    """Consent that an address gave to a category."""

    channel: Channel
    category: Category
    address: str
    """Normalised address."""
    given: GivenConsent

    def __repr__(self) -> str:
        return f"ConsentingAddress({self.channel}, {self.category}, ***)"


def consenting_address(body: ConsentAddition, default_region: str | None, now: datetime) -> ConsentingAddress:
    """Return the address and the consent of a body. Raise InvalidSuppressionError, which names the field.

    A consent of the future would outlast each withdrawal before it.
    """
    if body.given_at is not None and body.given_at > now:
        raise InvalidSuppressionError("given_at: must not be in the future")
    at = truncate_to_milliseconds((body.given_at or now).astimezone(UTC))
    given = GivenConsent(at, body.way, body.text_version)
    return ConsentingAddress(body.channel, body.category, normalised_recipient(body, default_region), given)


async def record_consents(ledger: Ledger, key: ConsentKey, consents: Sequence[ConsentingAddress]) -> None:
    """Record consents under the key of their tenant. Windows that open after this returns may be sent to them."""
    await ledger.consents.record(
        [(key.subject(each.channel, each.category, each.address), each.given) for each in consents]
    )
