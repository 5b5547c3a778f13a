"""Cancel, pause and resume of a request.

The request is marked first, and its chunks second. A consumer that writes or claims a chunk later reads the mark. A
caller that got no answer may repeat the call.
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
    """Result of a cancel, pause or resume."""

    request: StoredRequest
    may_still_be_sent: int
    """Number of deliveries in windows that were open after all chunks were marked. No others may be sent."""

    @property
    def in_flight_note(self) -> str | None:
        """Return a sentence with that number, or None if it is 0."""
        if not self.may_still_be_sent:
            return None
        many = "delivery" if self.may_still_be_sent == 1 else "deliveries"
        return f"at most {self.may_still_be_sent:,} {many} that had begun may still be sent"


async def cancel_request(ledger: Ledger, key: RequestKey, *, scheduled_only: bool = False) -> ControlResult | None:
    """Stop the sending of a request. Return None if it is unknown or completed, or (`scheduled_only`) due.

    If the request was cancelled before, return the result again, even if it is completed by now. The caller may repeat
    a call that got no answer.
    """
    request = await ledger.requests.cancel(key, scheduled_only=scheduled_only)
    if request is None:
        stored = await ledger.requests.get(key)
        if stored is None or not stored.cancelled or (scheduled_only and not stored.header.send_at):
            return None
        return ControlResult(stored, 0)
    await ledger.chunks.mark_cancelled(key)
    return ControlResult(request, await ledger.chunks.count_in_open_windows(key))


async def pause_request(ledger: Ledger, key: RequestKey) -> ControlResult | None:
    """Stop the sending until the request is resumed. Return None if it is unknown, completed or cancelled."""
    return await _change_pause(ledger, key, ledger.requests.pause)


async def resume_request(ledger: Ledger, key: RequestKey) -> ControlResult | None:
    """Continue the sending. Return None if the request is unknown, completed or cancelled."""
    return await _change_pause(ledger, key, ledger.requests.resume)


async def _change_pause(
    ledger: Ledger, key: RequestKey, change: Callable[[RequestKey], Awaitable[StoredRequest | None]]
) -> ControlResult | None:
    request = await change(key)
    if request is None:
        return None
    if request.pauses:
        await ledger.chunks.set_pause_count(key, request.pauses)
    return ControlResult(request, await ledger.chunks.count_in_open_windows(key) if request.control_flags.paused else 0)


def state_of(request: StoredRequest, now: datetime) -> RequestState:
    """Return the state of a request at `now`, the time of the server."""
    if request.completion is not None:
        return RequestState.COMPLETED
    if request.cancelled:
        return RequestState.CANCELLED
    if request.control_flags.paused:
        return RequestState.PAUSED
    scheduled = request.header.send_at is not None and request.header.send_at > now
    return RequestState.SCHEDULED if scheduled else RequestState.SENDING
