"""Progress of one pass of an erasure."""

from collections import Counter
from collections.abc import Awaitable, Callable


class ErasureProgress:
    """Counts what a pass has erased, and what it had to leave open for a later one."""

    def __init__(self, checkpoint: Callable[[], Awaitable[None]]) -> None:
        self.counts: Counter[str] = Counter()
        self.left_open = 0
        """Number of requests and chunks that a later pass must look at, such as those with an owner."""
        self.problem: str | None = None
        """Reason for something left open that an operator can change, such as a missing sealing key."""
        self.checkpoint = checkpoint
        """Keeps the order from other processes. Call it after each batch. It raises to end the pass."""

    def count(self, name: str, number: int = 1) -> None:
        """Add to a count."""
        if number:
            self.counts[name] += number

    def leave_open(self, problem: str | None = None) -> None:
        """Note that a later pass is needed."""
        self.left_open += 1
        self.problem = problem or self.problem
