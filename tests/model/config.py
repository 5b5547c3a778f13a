"""Configuration of the model: the bounds of a world."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Bounded world: a request, the processes that work on it, and the possible faults."""

    name: str
    parts: tuple[tuple[str, ...], ...] = (("aa",),)
    """One string for each chunk.

    "a" is a delivery to send, "d" is decided during the expansion, and "x" repeats the recipient of the first delivery,
    which is in a lower part.
    """
    window: int = 1
    processes: int = 2
    policy: str = "mark_unknown"
    providers: str = "p"
    """One letter for each provider of the route, in order: "p" is plain, "d" deduplicates by delivery id."""
    change: str = ""
    """What may happen to the first provider at any time: it is "gone", or its configuration is "changed"."""
    answers: str = "SRUF"
    """Answers: Sent, Retry (not sent), Uncertain (sent or not), Failed (not sent), Z (rate-limited, no attempt), and B.

    With B, the breaker of any provider may be open at any time, so that no call is made.
    """
    attempts: int = 2
    crashes: int = 1
    lapses: int = 1
    """Number of leases that expire, or partitions that are revoked, while the process runs."""
    repeats: int = 0
    """Number of records that are expanded again after their commit."""
    receipts: int = 0
    limit: int = 0
    """Maximum number of messages of the tenant in a period. 0 is no limit."""
    periods: int = 1
    budget: int | None = None
    """Budget of the request. Each try costs 1."""
    orders: tuple[str, ...] = ()
    """Orders of callers about the request, one after the other: cancel, pause, resume."""
    expires: bool = False
    """True if `expires_at` may pass."""
    cut: bool = False
    """True if PART_TIMEOUT_SECONDS may pass."""
    faults: bool = False
    """True if a record may meet an internal fault three times, and is refused after its part was registered."""
    facts: bool = False
    """True if an expansion decides a value (chunk size, time) that may differ the next time."""
    forgets: bool = False
    """True if the chunk documents of a completed request are deleted."""
    wakes: bool = False
    small: bool = False
    """True if the request, its only part and its only chunk are one document."""
    overlap: bool = True
    """True if events may be published while the next window is being sent."""
    at_once: bool = False
    """True if a retry may be due before its chunk is released."""
    records: tuple[tuple[int, int], ...] = ()
    """Records of the intake as (part, body), by default each part once."""
    rejected: int = 0
    """Number of these records that must end in request.rejected."""

    @property
    def has_route(self) -> bool:
        """Return whether the route has several providers."""
        return len(self.providers) > 1

    def deduplicates(self, provider: int) -> bool:
        """Return whether a provider takes each delivery id once. A changed provider is of the same kind as before."""
        return self.providers[provider % len(self.providers)] == "d"

    def is_careful(self, provider: int) -> bool:
        """Return whether `not sent` by a provider must be in the chunk before it is in a log."""
        return self.policy == "resend" or self.deduplicates(provider)
