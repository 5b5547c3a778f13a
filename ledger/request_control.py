"""What is ordered about a request: cancel, pause, resume.

First the request is marked, then its chunks, so that whoever writes or claims one from then on reads the mark. A caller
who got no answer gives the order again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from core.ids import RequestKey
from ledger.models import StoredRequest
from ledger.ports import Ledger
from schemas.statuses import RequestState


@dataclass(frozen=True, slots=True)
class ControlResult:
    """An order that was obeyed."""

    request: StoredRequest
    may_still_be_sent: int
    """Deliveries in windows that were open when all chunks had the mark: nothing beyond them is sent."""

    @property
    def in_flight_note(self) -> str | None:
        """That number in words; None where nothing may be sent any more."""
        if not self.may_still_be_sent:
            return None
        many = "delivery" if self.may_still_be_sent == 1 else "deliveries"
        return f"at most {self.may_still_be_sent:,} {many} that had begun may still be sent"


async def cancel_request(ledger: Ledger, key: RequestKey, *, scheduled_only: bool = False) -> ControlResult | None:
    """Send nothing more of it; None where it is unknown or too late: completed, or (`scheduled_only`) due.

    One that was cancelled before is no news, also where it is completed by now: whoever got no answer asks again.
    """
    request = await ledger.requests.cancel(key, scheduled_only=scheduled_only)
    if request is None:
        stands = await ledger.requests.get(key)
        if stands is None or not stands.cancelled or (scheduled_only and not stands.header.send_at):
            return None
        return ControlResult(stands, 0)
    await ledger.chunks.mark_cancelled(key)
    return ControlResult(request, await ledger.chunks.count_in_open_windows(key))


async def pause_request(ledger: Ledger, key: RequestKey) -> ControlResult | None:
    """Send nothing more of it until it is resumed; None where it is unknown, completed or cancelled."""
    return await _hold(ledger, key, ledger.requests.pause)


async def resume_request(ledger: Ledger, key: RequestKey) -> ControlResult | None:
    """Go on with it; None where it is unknown, completed or cancelled."""
    return await _hold(ledger, key, ledger.requests.resume)


async def _hold(
    ledger: Ledger, key: RequestKey, order: Callable[[RequestKey], Awaitable[StoredRequest | None]]
) -> ControlResult | None:
    request = await order(key)
    if request is None:
        return None
    if request.pauses:
        await ledger.chunks.set_pause_count(key, request.pauses)
    return ControlResult(request, await ledger.chunks.count_in_open_windows(key) if request.control_flags.paused else 0)


def state_of(request: StoredRequest, now: datetime) -> RequestState:
    """How far a request is, on the server's clock."""
    if request.completion is not None:
        return RequestState.COMPLETED
    if request.cancelled:
        return RequestState.CANCELLED
    if request.control_flags.paused:
        return RequestState.PAUSED
    scheduled = request.header.send_at is not None and request.header.send_at > now
    return RequestState.SCHEDULED if scheduled else RequestState.SENDING
