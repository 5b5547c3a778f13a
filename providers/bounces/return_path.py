"""Signed return paths: the envelope sender of an e-mail names its delivery (VERP), with a MAC.

The form is `bounces+<35 characters of the delivery id>.<16 characters of MAC>@example.com`. All characters behind the
plus sign are lower case, because some servers change the case of a local part.
"""

import hmac
import re
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, SecretStr

from providers.sender_address import PATH

MAX_LOCAL_PART = 64
"""Maximum length of the local part of an address, in octets (RFC 5321, 4.5.3.1.1)."""
MAX_DOMAIN = 254 - MAX_LOCAL_PART - len("@")
"""Maximum length of the domain, in octets. A path has 256 with its angle brackets at most (RFC 5321, 4.5.3.1.3)."""
_DELIVERY_ID = 35
_MAC_BYTES = 10
"""Length of the MAC. 80 bits cannot be guessed by sending mails (RFC 2104, section 5, asks for 80 at least)."""
_MAC = _MAC_BYTES * 8 // 5
MAX_NAME = MAX_LOCAL_PART - len("+") - _DELIVERY_ID - len(".") - _MAC
"""Maximum length of the local part of the return path in the settings, in octets."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, as in delivery ids
_SIGNED = re.compile(r"\+([0-9a-hjkmnp-tv-z]{26}[0-9a-f]{9})\.([0-9a-hjkmnp-tv-z]{16})@")
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def _check_length(key: SecretStr) -> SecretStr:
    if not 32 <= len(key.get_secret_value()) <= 200:
        raise ValueError("must have 32 to 200 characters")
    return key


ReturnPathKey = Annotated[SecretStr, AfterValidator(_check_length)]
"""Secret that signs return paths. 32 characters are enough for a random text (RFC 2104, section 3)."""


class SignedReturnPath:
    """Signer of the return paths of one provider."""

    def __init__(self, provider: str, address: str, key: str) -> None:
        self.address = address
        local_part, _, domain = address.rpartition("@")
        self._before, self._behind = f"{local_part}+", f"@{domain}"
        self._provider, self._key = provider, key

    def sign(self, delivery_id: str, only_recipient: str | None) -> str:
        """Return the envelope sender of an e-mail.

        An e-mail with copies has `only_recipient`: the MAC covers this address too. So a report about a copy is not
        taken for a report about the recipient.
        """
        mac = _mac(self._key, self._provider, delivery_id, only_recipient or "")
        return f"{self._before}{delivery_id[4:]}.{mac}{self._behind}"


class SignedId(NamedTuple):
    """Delivery id and MAC of an address. They are not checked yet."""

    delivery_id: str
    mac: str

    def is_signed(self, provider: str, key: str, recipient: str = "") -> bool:
        """Return whether the MAC is the one of this provider. The time does not depend on its characters."""
        return hmac.compare_digest(_mac(key, provider, self.delivery_id, recipient), self.mac)


def return_path_problem(address: str) -> str | None:
    """Return the problem of an address as the return path of the settings, or None."""
    local_part, _, domain = address.rpartition("@")
    if not address.isascii() or not PATH.fullmatch(address):
        return "must be an address, such as bounces@example.com"
    if len(local_part) > MAX_NAME or len(domain) > MAX_DOMAIN:
        return f"must have at most {MAX_NAME} characters before the @, and at most {MAX_DOMAIN} after it"
    return None


def find_signed(text: str) -> Iterator[SignedId]:
    """Yield what the signed return paths in a text say: an address, or a header value with addresses."""
    for delivery_id, mac in _SIGNED.findall(text.lower()):
        yield SignedId(f"log_{delivery_id}", mac)


def _mac(key: str, provider: str, delivery_id: str, recipient: str) -> str:
    """Return the MAC. No field has a zero byte, so that two different lists of fields are different texts."""
    text = f"rollcall return path\0{provider}\0{delivery_id}\0{recipient.lower()}"
    digest = hmac.digest(key.encode(), text.encode(errors="replace"), "sha256")
    number = int.from_bytes(digest[:_MAC_BYTES], "big")
    return "".join([_PAIRS[number >> shift & 0x3FF] for shift in range(70, -1, -10)])
