"""Secret at the end of the path of a callback. It stands in for what the vendor does not sign."""

import hmac
import re
from hashlib import sha256

from pydantic import Field, SecretStr, field_validator

from providers.receipts.receipt_format import Callback, ReceiptEntry, UnsignedCallbackError

_SECRET = re.compile(r"[A-Za-z0-9_-]{32,200}")


class SecretPathEntry(ReceiptEntry):
    """Entry of a vendor that does not sign what its callbacks say."""

    path_secret: SecretStr = Field(
        description="secret at the end of the callback's path, 32 to 200 characters of A-Z, a-z, 0-9, - and _. "
        "The vendor does not sign the receipts, so that the secret must not be guessed."
    )

    @field_validator("path_secret")
    @classmethod
    def _in_a_path(cls, value: SecretStr) -> SecretStr:
        if not _SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("must be 32 to 200 characters of A-Z, a-z, 0-9, - and _")
        return value


def check_path_secret(entry: ReceiptEntry, callback: Callback) -> None:
    """Compare the secret of the path in constant time. Do nothing for an entry without one.

    Raises UnsignedCallbackError.
    """
    if entry.path_secret is None:
        return
    expected, given = entry.path_secret.get_secret_value(), callback.path_secret or ""
    if not hmac.compare_digest(_digest(expected), _digest(given)):
        raise UnsignedCallbackError("path secret is missing or wrong")


def _digest(secret: str) -> bytes:
    """Return a hash, so that the time of the comparison does not depend on the length either."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
