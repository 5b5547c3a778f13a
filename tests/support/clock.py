"""A clock that moves only when a test moves it."""


class ManualClock:
    """Callable that returns `now`, in seconds."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
