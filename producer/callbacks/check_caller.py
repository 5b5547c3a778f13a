"""The check of who calls. Nothing of the call is believed before it."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from core.ids import callback_key
from ledger.errors import SealingError
from ledger.idempotency_record import IdempotencyRecord
from ledger.sealing import Sealer
from producer.callbacks.sources import ReceiptSource
from producer.ledger_gateway import LedgerGateway
from providers.receipts.path_secret import check_path_secret
from providers.receipts.receipt_format import (
    Callback,
    CallbackUnavailableError,
    ForeignCallbackError,
    ReceiptEntry,
    ReceiptFormat,
    UnsignedCallbackError,
)

_REFUSALS = (CallbackUnavailableError, ForeignCallbackError, UnsignedCallbackError)
"""Refusals of an entry. If several entries refuse a call, the first of these counts, because it knows most."""


class RepeatedCallbackError(Exception):
    """Error for a call with a token that another call has used."""


@dataclass(frozen=True, slots=True)
class CallerCheck:
    """Checks calls, and remembers the tokens that count once only in the ledger."""

    gateway: LedgerGateway
    sealer: Sealer
    now: Callable[[], datetime]

    async def check(self, source: ReceiptSource, callback: Callback) -> ReceiptFormat:
        """Return the format that accepts the call.

        Raises CallbackUnavailableError, ForeignCallbackError, UnsignedCallbackError, RepeatedCallbackError and
        UnavailableError.
        """
        accepted, token = await _find_format(source, callback)
        if token is not None:
            await self._count_once(source, token, callback.body)
        return accepted

    async def _count_once(self, source: ReceiptSource, token: str, body: bytes) -> None:
        """Store the token with a digest of the body. A repeat of the same body is harmless.

        The ledger keeps it for eight days, which is longer than the largest `max_age_seconds`.
        """
        newest, tenant_id = self.sealer.newest, source.tenant_id or ""
        digest = self.sealer.hash(body, newest)
        record = IdempotencyRecord(callback_key(source.provider, token), tenant_id, newest, digest, self.now())
        stored = await self.gateway.query(lambda ledger: ledger.keys.insert_or_get(record))
        try:
            is_same = hmac.compare_digest(self.sealer.hash(body, stored.key_id), stored.digest)
        except SealingError:  # the key of the digest is gone, so that the bodies cannot be compared
            is_same = False
        if not is_same:
            raise RepeatedCallbackError


async def _find_format(source: ReceiptSource, callback: Callback) -> tuple[ReceiptFormat, str | None]:
    """Return the first format that accepts the call, and the token that counts once only."""
    refusals: list[Exception] = []
    for each in source.formats:
        try:
            _check_path(each.entry, callback)
            return each.format, await each.format.check(callback)
        except _REFUSALS as error:
            refusals.append(error)
    raise min(refusals, key=lambda error: [isinstance(error, each) for each in _REFUSALS].index(True))


def _check_path(entry: ReceiptEntry, callback: Callback) -> None:
    if callback.path_secret and entry.path_secret is None:
        raise UnsignedCallbackError("path has a secret, and the entry has none")
    check_path_secret(entry, callback)
