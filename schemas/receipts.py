"""Delivery receipts: later reports of a provider about a message that it accepted."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.record_base import SCHEMA_VERSION, IntakeRecord


class Receipt(IntakeRecord, published_as="Receipt"):
    """Delivery receipt on the receipts topic. The record key is the provider message id."""

    provider: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    provider_message_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    status: Literal["sent", "delivered", "failed"]
    occurred_at: AwareDatetime
    error: Annotated[str, StringConstraints(max_length=500)] | None = None
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
