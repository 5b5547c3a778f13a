"""Keys of bounces in the settings of receipts: the kind `smtp`."""

from typing import Literal, NamedTuple

from pydantic import Field, SecretStr, field_validator

from providers.bounces.return_path import ReturnPathKey
from providers.receipts.receipt_format import Callback, ReceiptEntry, UnsignedCallbackError, VendorReceipt


class BounceEntry(ReceiptEntry):
    """Key with which `rollcall bounces` checks the return paths of one mail server."""

    kind: Literal["smtp"]
    bounce_key: ReturnPathKey = Field(description="secret of the field `bounce_key` of the provider")

    @field_validator("path_secret")
    @classmethod
    def _no_path(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            raise ValueError("must not be given, because bounces are mails and not calls")
        return value


class BounceKey(NamedTuple):
    """Key that signs the return paths of a provider."""

    provider: str
    key: str

    def __repr__(self) -> str:
        return f"BounceKey({self.provider})"


class BounceCallbacks:
    """Callbacks of a mail server, which makes none. `rollcall bounces` reads its receipts."""

    def __init__(self, entry: BounceEntry) -> None:
        del entry

    async def check(self, callback: Callback) -> str | None:
        """Refuse every call."""
        del callback
        raise UnsignedCallbackError("the receipts of this provider are mails. Run `rollcall bounces`.")

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return no receipts. No call passes the check."""
        del callback
        return []
