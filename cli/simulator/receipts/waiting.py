"""Receipts that wait for their time."""

from heapq import heappop, heappush
from itertools import count

from cli.simulator.signing.signed_call import SimulatedReceipt


class WaitingReceipts:
    """Receipts in the order of their times. Of two with the same time, the one that was added first comes first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, SimulatedReceipt]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_due(self) -> float | None:
        """Return the time of the first receipt, or None."""
        return self._heap[0][0] if self._heap else None

    def add(self, receipt: SimulatedReceipt, due: float) -> None:
        """Add a receipt."""
        heappush(self._heap, (due, next(self._numbers), receipt))

    def take_due(self, now: float, limit: int) -> list[SimulatedReceipt]:
        """Remove at most `limit` receipts whose time has come, and return them."""
        due: list[SimulatedReceipt] = []
        while self._heap and self._heap[0][0] <= now and len(due) < limit:
            due.append(heappop(self._heap)[2])
        return due

    def clear(self) -> None:
        """Forget all receipts."""
        self._heap.clear()
