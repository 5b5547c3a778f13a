"""Signature V3 of the APIs of Alibaba Cloud (ACS3-HMAC-SHA256).

Source: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, urlencode

ALGORITHM = "ACS3-HMAC-SHA256"


@dataclass(frozen=True, slots=True, repr=False)
class AccessKey:
    """Access key of an account. Its repr shows nothing."""

    key_id: str
    secret: str

    def authorization(self, query: str, headers: Mapping[str, str], content: bytes) -> str:
        """Return the header Authorization of a POST to the path `/`.

        `query` is a canonical query. All `headers` are signed. Their names have small letters, and their values have no
        spaces around them.
        """
        names = sorted(headers)
        signed = ";".join(names)
        lines = ["POST", "/", query, *(f"{name}:{headers[name]}" for name in names), "", signed, digest(content)]
        text = f"{ALGORITHM}\n" + digest("\n".join(lines).encode())
        signature = hmac.digest(self.secret.encode(), text.encode(), "sha256").hex()
        return f"{ALGORITHM} Credential={self.key_id},SignedHeaders={signed},Signature={signature}"


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Return the parameters sorted by name, and percent-encoded as RFC 3986 says."""
    return urlencode(sorted(parameters.items()), quote_via=quote, safe="~")


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal digits."""
    return sha256(content).hexdigest()
