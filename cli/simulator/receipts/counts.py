"""Counts of receipts, without addresses."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class ReceiptCounts:
    """Receipts by what came of them."""

    accepted: int = 0
    """Receipts of calls that were answered with 2xx."""
    refused: int = 0
    """Receipts of calls that were answered with another status, and were not repeated."""
    tried_again: int = 0
    """Receipts of calls that were answered with 408, 429 or 5xx, or not at all, and that wait for the next call."""
    given_up: int = 0
    """Receipts that were called for as often as allowed."""
    left_out: int = 0
    """Receipts that had no room."""
    early: int = 0
    """Receipts that were accepted before the answer to the sender."""
    repeated: int = 0
    """Receipts of calls that were made a second time."""
    forged: int = 0
    """Receipts of forged calls."""
    forged_accepted: int = 0
    """Receipts of forged calls that were answered with 2xx."""

    def document(self, waiting: int) -> dict[str, int]:
        """Return the counts with the number of receipts that wait."""
        return {"waiting": waiting, **asdict(self)}
