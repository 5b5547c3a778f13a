"""Effects of receipts on logs: the values that a receipt replaces, and the counts of the logs that receipts moved."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from schemas.statuses import Reason, Status

if TYPE_CHECKING:
    from ledger.models import Log


class AsLogged(NamedTuple):
    """Values that a log had before a receipt changed its status. The event of the outcome is made from them."""

    reason: Reason | None
    error: str | None
    updated_at: datetime


class Move(NamedTuple):
    """Way of a log from its outcome to its current status."""

    outcome: Status
    outcome_reason: Reason | None
    status: Status
    reason: Reason | None


LogChange = tuple["Log", "Log"]
"""Log before and after a receipt."""

MoveCounts = Mapping[Move, int]
"""Number of logs that receipts moved, by their way."""
