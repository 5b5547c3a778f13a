"""Whether this process gets anywhere: what readiness looks at instead of the broker's ping."""

import contextlib
from collections.abc import Callable, Iterator

LEDGER_SECONDS = 8.0
BUS_SECONDS = 15.0
STUCK_SECONDS = 90.0
"""How long one record, or one stretch of full slots, may take before this counts as no progress."""


class Progress:
    """Notes the last sign of life of each part; answers why the process is not ready."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._ledger_at = self._bus_at = float("-inf")
        self._busy: dict[str, float] = {}
        self.subscribed = False

    def ledger_answered(self) -> None:
        """MongoDB answered."""
        self._ledger_at = self._monotonic()

    def bus_answered(self) -> None:
        """Kafka answered."""
        self._bus_at = self._monotonic()

    @contextlib.contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """While a record is in its handler."""
        self._busy[what] = self._monotonic()
        try:
            yield
        finally:
            del self._busy[what]

    def checks(self) -> dict[str, str]:
        """Each dependency and each loop by name: `ok`, or what is wrong."""
        now = self._monotonic()
        stuck = [what for what, since in self._busy.items() if now - since > STUCK_SECONDS]
        return {
            "mongodb": "ok" if now - self._ledger_at < LEDGER_SECONDS else "does not answer",
            "kafka": "ok" if now - self._bus_at < BUS_SECONDS else "does not answer",
            "subscribed": "ok" if self.subscribed else "not yet",
            "progress": f"stuck: {', '.join(sorted(stuck))}" if stuck else "ok",
        }

    @property
    def ready(self) -> bool:
        """Whether everything is well."""
        return all(said == "ok" for said in self.checks().values())
