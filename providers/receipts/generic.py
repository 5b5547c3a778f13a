"""Receipts of the kinds `http` and `simulator`: the generic format of the operator's own gateway.

docs/receipts.md describes it. A gateway signs the time and the body with a key of the entry.
"""

import hmac
import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from providers.receipts.callback_values import MAX_RECEIPTS, check_age, occurred_at, shown_code
from providers.receipts.path_secret import check_path_secret
from providers.receipts.receipt_format import (
    Callback,
    ReceiptEntry,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus
from schemas.validation_errors import path_of

SIGNATURE_HEADER = "X-Rollcall-Signature"
"""Header with the time and the signature of a callback."""

TABLE = ReceiptTable(
    vendor="generic",
    page="docs/receipts.md",
    statuses={
        status.value: ReceiptMeaning(status)
        for status in (ReceiptStatus.SENT, ReceiptStatus.DELIVERED, ReceiptStatus.FAILED)
    },
)
"""Statuses of our own format. The class is a field of its own."""

_SIGNATURE = re.compile(r"t=([0-9]{1,11}),v1=([0-9a-f]{64})")


class GenericReceiptEntry(ReceiptEntry):
    """Keys for the callbacks of the operator's own gateway, or of the simulator."""

    kind: Literal["simulator", "http"]
    signing_key: SecretStr = Field(
        min_length=32,
        max_length=200,
        description="key with which the gateway signs its callbacks, at least 32 characters",
    )


class GatewayReceipt(BaseModel):
    """One receipt in the body of a callback."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    delivery_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    message_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    status: str = Field(min_length=1, max_length=100)
    code: Annotated[str, Field(max_length=100)] | None = None
    receipt_class: ReceiptClass | None = Field(default=None, alias="class")
    occurred_at: AwareDatetime | None = None
    recipient: Annotated[str, Field(min_length=1, max_length=320)] | None = None

    @model_validator(mode="after")
    def _one_id(self) -> Self:
        if self.delivery_id is None and self.message_id is None:
            raise ValueError("delivery_id or message_id is required")
        return self


class GatewayReceipts(BaseModel):
    """Body of a callback."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    receipts: Annotated[tuple[GatewayReceipt, ...], Field(max_length=MAX_RECEIPTS), FailFast()]


class GenericReceipts:
    """Callbacks of one gateway."""

    def __init__(self, entry: GenericReceiptEntry) -> None:
        self._entry = entry
        self._key = entry.signing_key.get_secret_value()

    async def check(self, callback: Callback) -> str | None:
        """Check the secret of the path, if there is one, the signature and its age."""
        check_path_secret(self._entry, callback)
        found = _SIGNATURE.fullmatch(callback.headers.get(SIGNATURE_HEADER.lower(), ""))
        if found is None:
            raise UnsignedCallbackError(f"{SIGNATURE_HEADER} is missing, or is not t=<seconds>,v1=<64 hex digits>")
        if not hmac.compare_digest(found[0], sign(self._key, found[1], callback.body)):
            raise UnsignedCallbackError(f"{SIGNATURE_HEADER} is wrong")
        check_age(datetime.fromtimestamp(int(found[1]), UTC), callback, self._entry.max_age_seconds)
        return None

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return the receipts of the body. Raises UnreadableCallbackError, which names the first wrong field."""
        try:
            body = GatewayReceipts.model_validate_json(callback.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise UnreadableCallbackError(f"{path_of(first['loc']) or 'body'}: {first['msg']}") from None
        return [_receipt(item, callback.received_at) for item in body.receipts]


def sign(signing_key: str, unix_seconds: str | int, body: bytes) -> str:
    """Return the value of the header for a body that is sent at this time."""
    digest = hmac.digest(signing_key.encode(), b"%s.%s" % (str(unix_seconds).encode(), body), "sha256")
    return f"t={unix_seconds},v1={digest.hex()}"


def _receipt(item: GatewayReceipt, received_at: datetime) -> VendorReceipt:
    return VendorReceipt(
        TABLE.meaning(item.status).status,
        shown_code(item.code or item.status),
        occurred_at(item.occurred_at, received_at),
        item.delivery_id,
        item.message_id,
        item.recipient,
        item.receipt_class,
    )
