"""Reasons for a worker to send nothing more: control flags, expiry, or a chunk that cannot be opened."""

from datetime import datetime
from typing import NamedTuple

from ledger.models import ControlFlags
from schemas.statuses import Status


class Stop(NamedTuple):
    """The outcome of every delivery of a chunk that was not sent."""

    status: Status
    detail: str | None = None
    """Set if this owner gave up by itself. Another owner could still send."""


class StopState:
    """The stop and the pause of one chunk. The first stop counts."""

    def __init__(self, expires_at: datetime | None) -> None:
        self._expires_at = expires_at
        self.stop: Stop | None = None
        self.paused = False

    def apply(self, flags: ControlFlags) -> None:
        """Apply the control flags of the request."""
        self.paused = flags.paused
        if flags.cancelled:
            self.stop = self.stop or Stop(Status.CANCELLED)

    def check_expiry(self, now: datetime) -> None:
        """Stop a request that has expired."""
        if not self.stop and self._expires_at and now >= self._expires_at:
            self.stop = Stop(Status.EXPIRED)

    def fail(self, detail: str) -> None:
        """End what was not sent as failed, or as it was stopped before, with this detail."""
        self.stop = Stop(self.stop.status if self.stop else Status.FAILED, detail)
