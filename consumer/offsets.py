"""Where a partition may be committed, while what was read from it ends in any order."""

import heapq


class Offsets:
    """The records of one partition that were read and are not dealt with yet."""

    def __init__(self, first: int) -> None:
        self.next = first
        """The offset after the last one that was read."""
        self._committed = first
        self._open: list[int] = []
        self._ended: set[int] = set()

    def begun(self, offset: int) -> None:
        """A record was read; offsets rise."""
        heapq.heappush(self._open, offset)
        self.next = offset + 1

    def ended(self, offset: int) -> int | None:
        """A record is dealt with; the offset to commit, or None where an earlier record still waits."""
        self._ended.add(offset)
        while self._open and self._open[0] in self._ended:
            self._ended.remove(heapq.heappop(self._open))
        first = self._open[0] if self._open else self.next
        if first <= self._committed:
            return None
        self._committed = first
        return first
