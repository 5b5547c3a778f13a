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
    deduplicates: bool = False
    answers: str = "SRUF"
    """Answers: Sent, Retry (not sent), Uncertain (sent or not), Failed (not sent), and Z (rate-limited, no attempt)."""
    attempts: int = 2
    crashes: int = 1
    lapses: int = 1
    """Number of leases that expire, or partitions that are revoked, while the process runs."""
    repeats: int = 0
    """Number of records that are expanded again after their commit."""
    receipts: int = 0
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
    def careful(self) -> bool:
        """Return whether `not sent` must be in the chunk before it is in a log."""
        return self.policy == "resend" or self.deduplicates
