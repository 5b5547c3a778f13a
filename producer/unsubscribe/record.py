"""Record of an opt-out by a link."""

import structlog

from core.suppressions import SuppressionEntry
from core.unsubscribe import scope_of
from ledger.errors import SealingError
from ledger.ports import Ledger
from ledger.suppressing import SuppressedAddress, add_suppressions
from ledger.suppression_key import SuppressionKey
from ledger.suppression_port import Addition
from ledger.tenant_key import open_tenant_key, seconds_until_known
from producer.dependencies import Dependencies
from producer.errors import UnavailableError
from producer.unsubscribe.find_link import FoundLink
from schemas.statuses import SuppressionReason

_log = structlog.get_logger()


async def record_opt_out(deps: Dependencies, found: FoundLink) -> None:
    """Suppress the address of a link for its scope. A repeat changes nothing. Raises UnavailableError.

    When this returns, the next window finds the entry.
    """
    link = found.content
    try:
        key = SuppressionKey(open_tenant_key(found.key, found.tenant_id, deps.sealer))
    except SealingError:
        raise UnavailableError("the key of the tenant cannot be opened") from None

    async def add(ledger: Ledger) -> tuple[Addition, float]:
        now, source = ledger.now(), f"unsubscribe:{link.log_id}"
        entry = SuppressionEntry(SuppressionReason.OPTED_OUT, scope_of(link.mailing_list), source, now)
        (addition,) = await add_suppressions(ledger, key, [SuppressedAddress(link.channel, link.address, entry)])
        return addition, seconds_until_known(found.key, now)

    addition, seconds = await deps.gateway.query(add)
    if addition is Addition.FULL:
        _log.warning("opt-out not recorded", tenant_id=found.tenant_id, reason="too many entries of one address")
        raise UnavailableError("the address has too many entries")
    if seconds:  # A consumer may not know yet that the tenant has suppressions.
        await deps.clock.sleep(seconds)
