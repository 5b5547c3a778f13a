"""Effect of STOP and START in an SMS on the suppressions of tenants."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from core.opt_out_words import OptOutWord
from core.suppressions import SuppressionEntry
from ledger.errors import LedgerRefused, SealingError
from ledger.ports import Ledger
from ledger.recipient_hashes import recipient_hashes
from ledger.suppressing import SuppressedAddress, add_suppressions, find_suppression_key
from ledger.suppression_key import SuppressionKey
from ledger.suppression_port import Addition
from ledger.tenant_key import get_or_create_key, open_tenant_key, seconds_until_known
from producer.callbacks.sources import ReceiptSource
from producer.dependencies import Dependencies
from producer.errors import UnavailableError
from schemas.statuses import Channel, SuppressionReason
from schemas.suppressions import EVERYTHING

SOURCE = "inbound"
"""Source of the entries."""
_SOURCES_OF_PROVIDER = {SOURCE, "receipt"}
"""Sources of the entries that a START at a provider of the installation takes back.

It may be an answer to another tenant. So it does not undo what the person told a tenant in another way.
"""

_OPT_OUT = (SuppressionReason.OPTED_OUT, EVERYTHING)
T = TypeVar("T")
_log = structlog.get_logger()


async def apply_word(deps: Dependencies, source: ReceiptSource, word: OptOutWord, number: str) -> bool:
    """Suppress a number for its tenants, or let SMS through again. A repeat changes nothing.

    Return whether there is such a tenant.

    The tenants are that of the provider, or else each one that a log shows to have written to the number over the
    provider. When this returns, the next window follows. Raises UnavailableError.
    """
    wait_seconds = 0.0
    tenants = await _tenants(deps, source, number)
    for tenant_id in tenants:
        if word is OptOutWord.STOP:
            wait_seconds = max(wait_seconds, await _opt_out(deps, tenant_id, number))
        elif word is OptOutWord.START:
            await _opt_in(deps, tenant_id, number, is_shared=source.tenant_id is None)
    if wait_seconds:  # A consumer may not know yet that a tenant has suppressions.
        await deps.clock.sleep(wait_seconds)
    return bool(tenants)


async def _tenants(deps: Dependencies, source: ReceiptSource, number: str) -> list[str]:
    if source.tenant_id is not None:
        return [source.tenant_id]
    hashes = recipient_hashes(number, Channel.SMS, deps.sealer, None)
    return await _query(deps, lambda ledger: ledger.logs.find_tenants(source.provider, hashes))


async def _opt_out(deps: Dependencies, tenant_id: str, number: str) -> float:
    """Add the entry. Return the time until all consumers look for entries of the tenant, in seconds."""

    async def add(ledger: Ledger) -> tuple[Addition, float]:
        now = ledger.now()
        stored = await get_or_create_key(ledger.tenants, tenant_id, deps.sealer, now)
        key = SuppressionKey(open_tenant_key(stored, tenant_id, deps.sealer))
        entry = SuppressionEntry(SuppressionReason.OPTED_OUT, EVERYTHING, SOURCE, now)
        (addition,) = await add_suppressions(ledger, key, [SuppressedAddress(Channel.SMS, number, entry)])
        return addition, seconds_until_known(stored, now)

    addition, seconds = await _query(deps, add)
    if addition is Addition.FULL:
        _log.warning("opt-out not recorded", tenant_id=tenant_id, reason="too many entries of one address")
        raise UnavailableError("the address has too many entries")
    return seconds


async def _opt_in(deps: Dependencies, tenant_id: str, number: str, *, is_shared: bool) -> None:
    async def remove(ledger: Ledger) -> None:
        key = await find_suppression_key(ledger, tenant_id, deps.sealer)
        if key is None:
            return
        suppression_id = key.id_of(Channel.SMS, number)
        entries = (await ledger.suppressions.find([suppression_id])).get(suppression_id, ())
        opt_outs = {entry.source for entry in entries if (entry.reason, entry.scope) == _OPT_OUT}
        if opt_outs <= _SOURCES_OF_PROVIDER or not is_shared:
            await ledger.suppressions.remove(suppression_id, EVERYTHING, SuppressionReason.OPTED_OUT)

    await _query(deps, remove)


async def _query(deps: Dependencies, operation: Callable[[Ledger], Awaitable[T]]) -> T:
    try:
        return await deps.gateway.query(operation)
    except (LedgerRefused, SealingError):
        raise UnavailableError("the key of a tenant cannot be opened") from None
