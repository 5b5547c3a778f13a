"""Minimum rate at which a body must arrive."""

from dataclasses import dataclass

WINDOW_SECONDS = 10
"""Time in seconds within which the bytes of one window must arrive. A body that stops has this long to go on."""
BODY_TIMEOUT_SECONDS = 60
"""Maximum time in seconds for a body to arrive."""


@dataclass(frozen=True, slots=True)
class ArrivalBounds:
    """Bounds on the time that a body takes."""

    bytes_per_second: int
    window_seconds: float = WINDOW_SECONDS
    total_seconds: float = BODY_TIMEOUT_SECONDS


class ArrivalDeadline:
    """Time by which more of one body must have arrived. Every window brings its bytes, or the rest of the body."""

    def __init__(self, bounds: ArrivalBounds, now: float) -> None:
        self._bounds = bounds
        self._end = now + bounds.total_seconds
        self._window_end = now + bounds.window_seconds
        self._window_bytes = 0

    @property
    def at(self) -> float:
        """Return the deadline, on the clock of the event loop."""
        return min(self._window_end, self._end)

    def receive(self, size: int, now: float) -> None:
        """Count bytes that arrived. A full window is followed by the next one."""
        self._window_bytes += size
        if self._window_bytes >= self._bounds.bytes_per_second * self._bounds.window_seconds:
            self._window_bytes = 0
            self._window_end = now + self._bounds.window_seconds
