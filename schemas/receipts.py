"""Delivery receipts: later reports of a provider about a message that it accepted."""

from typing import Annotated

from pydantic import AwareDatetime, FailFast, Field, StringConstraints

from schemas.record_base import SCHEMA_VERSION, IntakeRecord
from schemas.statuses import DescribedEnum


class ReceiptStatus(DescribedEnum, published_as="ReceiptStatus"):
    """Status that a receipt reports."""

    SENT = "sent", "the provider sent the message on"
    DELIVERED = "delivered", "the message arrived"
    FAILED = "failed", "the message did not arrive, and the provider does not try again"
    UNRECOGNISED = "unrecognised", "a status that the table of the vendor does not have. It changes nothing."


class ReceiptClass(DescribedEnum, published_as="ReceiptClass"):
    """Class of a receipt, which says what it means for later messages to the address."""

    HARD_BOUNCE = "hard_bounce", "the address does not exist, or never accepts messages"
    SOFT_BOUNCE = "soft_bounce", "the address did not accept this message, and may accept later ones"
    COMPLAINT = "complaint", "the recipient reported the message as unwanted"
    OPT_OUT = "opt_out", "the recipient does not want messages of this sender any more"


RecipientHash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}:[0-9a-f]{32}$")]
"""Id of a sealing key, and the keyed hash of an address under it."""


MAX_RECIPIENT_HASHES = 64
"""Maximum number of hashes of one receipt: two spellings under 32 sealing keys."""


class Receipt(IntakeRecord, published_as="Receipt"):
    """Delivery receipt on the receipts topic. The record key is the provider message id, or the delivery id."""

    provider: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Name of the provider, or the id of a provider that a tenant manages itself."""
    provider_message_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """Message id of the provider, or its keyed hash if it may show an address. Either it or `delivery_id` is given."""
    status: ReceiptStatus
    occurred_at: AwareDatetime
    error: Annotated[str, StringConstraints(max_length=500)] | None = None
    delivery_id: Annotated[str, StringConstraints(pattern=r"^log_[0-9a-hjkmnp-tv-z]{26}[0-9a-f]{9}$")] | None = None
    """Our own id of the delivery, if the vendor returned it."""
    recipient_hashes: Annotated[
        tuple[RecipientHash, ...], Field(strict=False, max_length=MAX_RECIPIENT_HASHES), FailFast()
    ] = ()
    """Keyed hashes of the recipient, one for each sealing key of the process that took the receipt."""
    receipt_class: ReceiptClass | None = None
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,40}$")] | None = None
    """Status or error code of the vendor."""
    tenant_id: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """Tenant of a provider that the tenant manages itself."""
    other_message_ids: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...],
        Field(strict=False, max_length=MAX_RECIPIENT_HASHES),
        FailFast(),
    ] = ()
    """Keyed hashes of a hidden message id under the older sealing keys. The log may have the id in any of the forms."""
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
