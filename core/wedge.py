"""Whether a client of Kafka is to be given up: nothing that it publishes is taken, though Kafka answers all the while.

Such a client does not recover by itself, and a ping, which takes another way, shows nothing of it.
"""

from collections.abc import Callable

FAILURES = 3
"""So many in a row, without one that was answered, are no accident."""


class Wedge:
    """Told of every try to publish and of every ping."""

    def __init__(self, patience_seconds: float, monotonic: Callable[[], float]) -> None:
        self._patience_seconds, self._monotonic = patience_seconds, monotonic
        self._failures, self._since = 0, 0.0

    def answered(self) -> None:
        """What was published was taken, or refused: the way to Kafka is open."""
        self._failures = 0

    def unanswered(self) -> None:
        """What was published got no answer in time."""
        if not self._failures:
            self._since = self._monotonic()
        self._failures += 1

    def pinged(self, *, answered: bool) -> None:
        """Kafka was asked for something else. Where it does not answer, the client is not the one to blame."""
        if not answered:
            self._failures = 0

    @property
    def suspected(self) -> bool:
        """Whether nothing is taken at the moment."""
        return self._failures >= FAILURES

    @property
    def certain(self) -> bool:
        """Whether that has lasted for so long that only a new process helps."""
        return self.suspected and self._monotonic() - self._since >= self._patience_seconds
