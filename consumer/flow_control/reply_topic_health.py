"""Reply topics that took no events. Nothing waits for such a topic again until a single try has succeeded."""

from collections.abc import Callable

RETRY_SECONDS = 30.0
"""Time between two tries of a failed reply topic, in seconds."""
MAX_FAILED_TOPICS = 1_000
"""Maximum number of failed topics that are remembered. The one that failed first is forgotten."""


class ReplyTopicHealth:
    """Memory of the failed reply topics of one process.

    A reply topic belongs to a caller. If all requests of this caller waited for it, they would occupy the slots and the
    places of the intake that other callers need.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._retry_at: dict[str, float] = {}
        """Time of the next try by topic. The topic that failed first comes first."""

    def has_failed(self, topic: str) -> bool:
        """Return whether the topic took no events when it was last tried."""
        return topic in self._retry_at

    def start_try(self, topic: str) -> bool:
        """Return whether to try the topic now. Of a failed topic, only one caller gets True in RETRY_SECONDS."""
        retry_at = self._retry_at.get(topic)
        if retry_at is None:
            return True
        if self._monotonic() < retry_at:
            return False
        self._retry_at[topic] = self._monotonic() + RETRY_SECONDS
        return True

    def took_events(self, topic: str) -> None:
        """Note that the topic took events."""
        self._retry_at.pop(topic, None)

    def failed(self, topic: str) -> None:
        """Note that the topic took no events although the default topic did."""
        self._retry_at.setdefault(topic, self._monotonic() + RETRY_SECONDS)
        if len(self._retry_at) > MAX_FAILED_TOPICS:
            del self._retry_at[next(iter(self._retry_at))]
