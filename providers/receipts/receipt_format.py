"""Port of a vendor's callbacks with receipts: the check of who calls, and the receipts that a call has.

The check comes first. Before it, only what the check needs is parsed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from schemas.receipts import ReceiptClass, ReceiptStatus
from schemas.requests import ProviderName

_PATH_SECRET = re.compile(r"[A-Za-z0-9_-]+")


class UnsignedCallbackError(Exception):
    """Error for a call that is not signed, is changed, or is too old. The message has no value of the call."""


class ForeignCallbackError(Exception):
    """Error for a call with a valid signature that is about another account."""


class CallbackUnavailableError(Exception):
    """Error for a call that cannot be checked now, because something outside cannot be reached. It may be repeated."""


class UnreadableCallbackError(Exception):
    """Error for a signed call that has not the form of the vendor's page. The message has no value of the call."""


@dataclass(frozen=True, slots=True)
class Callback:
    """Call of a vendor, as it arrived."""

    url: str = field(repr=False)
    """Whole public URL with its query, as the vendor sees it."""
    headers: Mapping[str, str] = field(repr=False)
    """Headers by their name in lower case."""
    body: bytes = field(repr=False)
    received_at: datetime
    path_secret: str | None = field(default=None, repr=False)
    """Last segment of the path, if it has one after the name of the provider."""


class VendorReceipt(NamedTuple):
    """One receipt of a call. Only its hash of the recipient leaves the process."""

    status: ReceiptStatus
    code: str
    """Status or error code of the vendor, in the shape of `Receipt.code`."""
    occurred_at: datetime
    delivery_id: str | None = None
    """Our own id, if the vendor returns it. It is not checked yet."""
    message_id: str | None = None
    recipient: str | None = None
    """Address as the vendor writes it."""
    receipt_class: ReceiptClass | None = None


class ReceiptEntry(BaseModel):
    """Keys with which the receipts of one provider are checked. They send nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: str
    provider: ProviderName = Field(description="name of the provider in the settings of the consumers")
    path_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        max_length=200,
        description="secret at the end of the callback's path, at least 32 characters of A-Z, a-z, 0-9, - and _",
    )
    max_age_seconds: int = Field(
        default=300, ge=1, le=604_800, description="maximum age of a signed time stamp, in seconds"
    )

    @field_validator("path_secret")
    @classmethod
    def _fits_a_path(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not _PATH_SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("must have only the characters A-Z, a-z, 0-9, - and _")
        return value


class ReceiptFormat(Protocol):
    """Callbacks of one provider."""

    async def check(self, callback: Callback) -> str | None:
        """Check who calls, in constant time. Return a token that may count once only, or None.

        A repeat of the same body with the same token is no replay. Raises UnsignedCallbackError, ForeignCallbackError
        and CallbackUnavailableError.
        """

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return the receipts of a call that `check` has passed. Raises UnreadableCallbackError."""
