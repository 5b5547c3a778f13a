"""State at one time: documents, publications, provider calls, and the position of each process."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

SENT, UNKNOWN, FAILED, SUPPRESSED, CANCELLED, EXPIRED, DELIVERED = range(1, 8)
OUTCOMES = (SENT, UNKNOWN, FAILED, SUPPRESSED, CANCELLED, EXPIRED)
NOT_SENT = (FAILED, SUPPRESSED, CANCELLED, EXPIRED)
NAMES = ("-", "sent", "unknown", "failed", "suppressed", "cancelled", "expired", "delivered")

# State of a delivery of an open window in the memory of its worker.
TODO, S, R, U, F, Z, NEXT, ELSEWHERE, STANDS, LOST, STOPPED, PUT_BACK, MOVED = range(13)
"""NEXT: refused, and the next provider is asked at once. ELSEWHERE: uncertain, and the next attempt asks another one.
MOVED: not called, because the breaker is open, and another provider is asked at once."""
CALLED = (S, R, U, F, Z, NEXT, ELSEWHERE)

FREE, LIVE, LAPSED = range(3)
FRESH, WOKEN, CLAIMED = range(3)
"""Never claimed and no wake-up message, wake-up message in Kafka or in a queue, claimed at least once."""
REFUSES = 8
"""Bit of a provider that has accepted a delivery id, times this: it refused the id for good, and does so again."""
NOBODY = 9
"""Values in place of a record: the sweeper or a worker tries to complete."""


class Line(NamedTuple):
    """Delivery that waits, or is in a window."""

    delivery: int
    attempts: int = 0
    doubted: int = 0
    """True if a provider may have accepted it (`possibly_sent`)."""
    refused: int = 0
    """One bit for each provider that refused it since its last attempt (`refused_by`)."""
    pinned: int = 0
    """Number of the provider that may have accepted it and deduplicates, plus 1 (`pinned_provider`)."""
    provider: int = 0
    """Provider that its window is sent with. 0 outside of windows."""


class Entry(NamedTuple):
    """Delivery of the current window of a worker. The fields of its line come first."""

    delivery: int
    attempts: int
    doubted: int
    refused: int
    pinned: int
    provider: int
    answer: int = 0


class Request(NamedTuple):
    """Document of the request."""

    exists: int
    begun: tuple[int, ...]
    """Number of the body of each part, plus 1."""
    counted: tuple[int, ...]
    lost: tuple[int, ...]
    cut: int = 0
    cancelled: int = 0
    pauses: int = 0
    completion: tuple[int, ...] = ()
    announced: int = 0
    facts: int = 0
    """Decision of the first expansion, plus 1."""
    secrets: int = 0
    """1 while the secret variables of the request are stored."""

    @property
    def marks(self) -> tuple[int, int]:
        """Return the control flags."""
        return self.cancelled, self.pauses


class Chunk(NamedTuple):
    """Document of a chunk."""

    closed: int
    lease: int
    window: tuple[Line, ...]
    todo: tuple[int, ...]
    later: tuple[Line, ...]
    decided: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]
    cancelled: int
    pauses: int
    parked: int
    unacked: int
    """One bit for each delivery."""
    made: int
    """Body and decision of the expansion."""
    wake: int = FRESH
    """FRESH, WOKEN or CLAIMED. Stored only if the configuration has `wakes`."""
    secrets: int = 0
    """One bit for each delivery whose secret variables are stored."""
    reserved: int = 0
    """True if the budget has room for the window. Without that, no owner sends it."""
    doubts: tuple[int, ...] = ()
    """Cost of uncertain tries of each delivery without an outcome. Kept only with a budget."""

    @property
    def paused(self) -> bool:
        """Return whether nothing may be sent until the request is resumed."""
        return self.pauses % 2 == 1 and not self.cancelled

    @property
    def without_outcome(self) -> int:
        """Return one bit for each delivery that may be sent."""
        return bits([*self.todo, *(line.delivery for line in (*self.window, *self.later))])


class Env(NamedTuple):
    """Environment: commits, and the remaining faults and orders."""

    offset: int
    crashes: int
    lapses: int
    repeats: int
    receipts: int
    expired: int
    orders: tuple[int, ...]
    """Progress of each order: 0 not given, 1 + n: request and n chunks marked, then answered, then OVER."""
    changed: int = 0
    """True after the first provider vanished, or its configuration changed."""
    period: int = 0
    """Number of the period of the tenant's limit."""


class Idle(NamedTuple):
    """Idle process."""

    step: int = 0


class Worker(NamedTuple):
    """Process that owns a chunk, or believes that it does."""

    step: int
    chunk: int
    valid: int
    taken_over: int
    entries: tuple[Entry, ...]
    unacked: int
    """Bits of logged deliveries whose event is not published yet."""
    stop: int
    """CANCELLED or EXPIRED after nothing more may be sent."""
    pauses: int
    to_log: tuple[tuple[int, int], ...]
    given: tuple[int, int] = (0, 0)
    """Control flags of the request at the last read."""
    first: int = 0
    """True until the window of the claim is checked (`record_new_intent`)."""
    known: int = 0
    """True if this claim knows that the first provider has changed."""
    permit: int = 0
    """Period of the permit for the next call, plus 1, or 0."""
    unused: int = 0
    """The same for a permit that is given back."""
    room: int = -1
    """Reserved cost of the next window, or -1."""
    outbid: int = 0
    """True if a later owner of the chunk has reserved."""
    doubts: tuple[int, ...] = ()
    paid_before: int = 0
    """True if an earlier try of the window counts as paid, at a provider that deduplicates."""


class Expander(NamedTuple):
    """Process that expands a record."""

    step: int
    record: int
    valid: int
    at: int
    """Index of the next chunk of the part to write."""
    facts: int
    marks: tuple[int, int]
    """Control flags that the chunks are written with."""
    found: int = 0
    """True if the recipient was found in a lower part."""
    fresh: int = 0
    given: tuple[int, int] = (0, 0)


class Finisher(NamedTuple):
    """Process that tries to complete the request, or (NOBODY) the sweeper that marks chunks."""

    step: int
    record: int
    valid: int
    counts: tuple[int, ...] = ()


Process = Idle | Worker | Expander | Finisher
IDLE = Idle()
GONE: tuple[()] = ()
"""Deleted chunk document. None: never written."""


class State(NamedTuple):
    """State of the whole model."""

    request: Request
    chunks: tuple[Any, ...]
    logs: tuple[int, ...]
    """Logs as outcome | status << 4."""
    accepted: tuple[int, ...]
    """Number of times that the providers accepted each delivery."""
    published: tuple[int, ...]
    exposed: tuple[int, ...]
    """Number of times that each delivery was in doubt."""
    done: tuple[tuple[int, ...], int]
    """Counts of the published completion, and bits of the refused records."""
    procs: tuple[Process, ...]
    env: Env
    memory: tuple[int, ...]
    """One bit for each provider that deduplicates and accepted the delivery, and one (REFUSES) if it refused it."""
    asked: tuple[int, ...] = ()
    """One bit for each attempt of a delivery and provider that was asked in it. Kept only for a route (I7)."""
    permits: int = 0
    """Permits of the tenant that were taken in this period."""
    metered: tuple[int, ...] = ()
    """Number of messages that were accepted with the permits of each period. Kept only with a limit."""
    reserved: tuple[int, ...] = ()
    """Amount that each chunk has reserved. Kept only with a budget."""
    costs: tuple[int, ...] = ()
    """Cost in the log of each delivery. Kept only with a budget."""


class Step(NamedTuple):
    """Possible next step. A fair step happens eventually. The others may never happen."""

    label: tuple[object, ...]
    fair: bool
    after: State
    complaint: str | None = None


T = TypeVar("T")


def put(sequence: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    """Return the tuple with one item changed."""
    return (*sequence[:at], value, *sequence[at + 1 :])


def bits(deliveries: Iterable[int]) -> int:
    """Return one bit for each delivery."""
    return sum(1 << delivery for delivery in set(deliveries))


def count(outcomes: list[int]) -> tuple[int, ...]:
    """Return the number of each outcome."""
    return tuple(outcomes.count(outcome) for outcome in OUTCOMES)
