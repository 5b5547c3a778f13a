"""Tokens of unsubscribe links, sealed with a subkey of the tenant.

A token is the id of the tenant's key, and the rest sealed with AES-SIV (RFC 5297) in base64url. So it outlives its
request and the rotation of the sealing keys. AES-SIV takes no nonce: the same mail has the same link when it is sent
again, and a key that does not rotate has no limit of 2^32 links as with the random nonces of AES-GCM.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from core.unsubscribe import MAX_TOKEN
from ledger.tenant_key import TenantKey
from schemas.statuses import Channel

_TOKEN = re.compile(r"([0-9a-hjkmnp-tv-z]{16})([A-Za-z0-9_-]{23,})")
"""Id of the key of a tenant (`core.ids.tenant_key_id`), and the sealed rest."""
_CHANNELS = {"e": Channel.EMAIL, "s": Channel.SMS}
_LETTERS = {channel: letter for letter, channel in _CHANNELS.items()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class Link(NamedTuple):
    """Content of an unsubscribe link."""

    channel: Channel
    address: str
    """Normalised address."""
    mailing_list: str | None
    language: str | None
    """Language of the recipient as two letters, or None if it is not known."""
    day: int
    """Day of the message in UTC, in days since 1970. Whole days, so that a repeat on the same day has the same link."""
    log_id: str

    def __repr__(self) -> str:
        return f"Link({self.log_id})"

    def is_valid(self, now: datetime, days: int) -> bool:
        """Return whether the link still works, which it does for `days` after the day of its message."""
        return day_of(now) <= self.day + days


class LinkKey:
    """Subkey of a tenant for its links."""

    def __init__(self, key: TenantKey) -> None:
        self._id = key.id
        self._cipher = AESSIV(key.subkey(b"rollcall unsubscribe link"))

    def token(self, link: Link) -> str:
        """Return the token of a link."""
        channel, log_id = _LETTERS[link.channel], link.log_id.removeprefix("log_")
        plain = orjson.dumps([channel, link.address, link.mailing_list, link.language, link.day, log_id])
        sealed = self._cipher.encrypt(plain, [self._id.encode()])
        return self._id + urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, token: str) -> Link | None:
        """Return the content of a token, or None for one that was changed, or that another tenant made."""
        found = read_token(token)
        if found is None or found[0] != self._id:
            return None
        try:
            plain = self._cipher.decrypt(found[1], [self._id.encode()])
        except InvalidTag:
            return None
        channel, address, mailing_list, language, day, log_id = orjson.loads(plain)
        return Link(_CHANNELS[channel], address, mailing_list, language, day, f"log_{log_id}")


def read_token(token: str) -> tuple[str, bytes] | None:
    """Return the id of the tenant's key and the sealed rest, or None if the text cannot be a token."""
    found = _TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN else None
    if found is None:
        return None
    try:
        sealed = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
    except Error:
        return None
    # The last letter has bits that say nothing. With other ones it is not the text that was sent.
    return (found[1], sealed) if urlsafe_b64encode(sealed).rstrip(b"=").decode() == found[2] else None


def day_of(now: datetime) -> int:
    """Return the day of a time in UTC, in days since 1970."""
    return (now - _EPOCH) // _DAY
