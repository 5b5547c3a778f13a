"""Orders to erase the data of a person, and the passes that carry them out.

All progress is in the data itself: what is erased is not found again. A pass may end at any point.
"""

from dataclasses import replace
from datetime import timedelta

from ledger.erase_deliveries import RecipientErasure
from ledger.erase_requests import erase_user
from ledger.erasure_port import Erasure
from ledger.erasure_progress import ErasureProgress
from ledger.ports import Ledger
from ledger.sealing import Sealer

LEASE_SECONDS = 60.0
"""Time in seconds after which another process goes on with an order whose process has died."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
_MAX_DOUBLINGS = 7


class ReplacedError(Exception):
    """The order was replaced by a newer one, or another process has taken it."""


async def run_pass(ledger: Ledger, sealer: Sealer, erasure: Erasure) -> tuple[Erasure, ErasureProgress]:
    """Erase all that can be erased now. Return the order with its new counts. Raise ReplacedError."""
    progress = ErasureProgress(lambda: _renew(ledger, erasure))
    if erasure.target.user_id is not None:
        await erase_user(ledger, erasure, erasure.target.user_id, progress)
    else:
        await RecipientErasure(ledger, sealer, erasure, progress).run()
        progress.count("suppressed_addresses", await ledger.suppressions.erase_address(erasure.id))
    counts = dict(progress.counts)
    for name, number in erasure.counts.items():
        counts[name] = counts.get(name, 0) + number
    return replace(erasure, counts=counts, tries=erasure.tries + 1 if progress.left_open else 0), progress


async def end_pass(ledger: Ledger, erasure: Erasure, *, is_open: bool) -> bool:
    """Store the result of a pass, and when the next one begins. Return whether it was the last one."""
    now = ledger.now()
    if is_open:
        pause = _FIRST_PAUSE * 2 ** min(erasure.tries - 1, _MAX_DOUBLINGS)
        await ledger.erasures.postpone(erasure, now + min(pause, _LONGEST_PAUSE))
        return False
    if now < erasure.last_pass_at:
        await ledger.erasures.postpone(erasure, erasure.last_pass_at)
        return False
    # The audit log comes first. A repeat of both writes changes nothing.
    await ledger.audit.complete(erasure.audit_id, erasure.counts, now)
    return await ledger.erasures.finish(erasure)


async def _renew(ledger: Ledger, erasure: Erasure) -> None:
    if not await ledger.erasures.postpone(erasure, ledger.now() + timedelta(seconds=LEASE_SECONDS)):
        raise ReplacedError
