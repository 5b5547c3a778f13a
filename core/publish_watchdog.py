"""Watchdog over publishing: it detects a Kafka client whose records are not acknowledged although Kafka answers pings.

Such a client does not recover by itself. A ping uses another connection and does not show the problem.
The watchdog keeps state but does no I/O. Its owner reports every publish and every ping, and passes the clock in.
"""

from collections.abc import Callable

FAILURES = 3
"""Number of consecutive publishes without an answer from which publishing counts as stalled."""


class PublishWatchdog:
    """Number of publishes in a row without an answer, and the time since the first of them."""

    def __init__(self, patience_seconds: float, monotonic: Callable[[], float]) -> None:
        self._patience_seconds, self._monotonic = patience_seconds, monotonic
        self._failures, self._since = 0, 0.0

    def publish_answered(self) -> None:
        """Note that Kafka acknowledged or refused a publish. Either shows that the connection works."""
        self._failures = 0

    def publish_timed_out(self) -> None:
        """Note that a publish got no answer in time."""
        if not self._failures:
            self._since = self._monotonic()
        self._failures += 1

    def ping_finished(self, *, answered: bool) -> None:
        """Note the result of a ping. If Kafka does not answer pings either, the client is not the cause."""
        if not answered:
            self._failures = 0

    @property
    def is_stalled(self) -> bool:
        """Return whether no publish is acknowledged at the moment."""
        return self._failures >= FAILURES

    @property
    def is_dead(self) -> bool:
        """Return whether publishing has stalled for so long that only a new process helps."""
        return self.is_stalled and self._monotonic() - self._since >= self._patience_seconds
