"""What there is at one moment: the documents, what was published and called, and where each process stands."""

from typing import Any, NamedTuple, TypeVar

SENT, UNKNOWN, FAILED, SUPPRESSED, CANCELLED, EXPIRED, DELIVERED = range(1, 8)
OUTCOMES = (SENT, UNKNOWN, FAILED, SUPPRESSED, CANCELLED, EXPIRED)
NOT_SENT = (FAILED, SUPPRESSED, CANCELLED, EXPIRED)
NAMES = ("-", "sent", "unknown", "failed", "suppressed", "cancelled", "expired", "delivered")

# How a delivery of an open window stands in its worker's memory.
TODO, S, R, U, F, Z, STANDS, LOST, STOPPED, PUT_BACK = range(10)
ANSWERS = {"S": S, "R": R, "U": U, "F": F, "Z": Z}
CALLED = (S, R, U, F, Z)

FREE, LIVE, LAPSED = range(3)
FRESH, WOKEN, CLAIMED = range(3)
"""Never claimed, and no wake-up call out; one is out, in Kafka or in a queue of its channel; claimed at least once."""
REFUSED = -1
"""For good, by a provider that deduplicates: it answers the same delivery id the same way later, too."""
NOBODY = 9
"""In place of a record: the sweeper asks, or a worker does."""


class Line(NamedTuple):
    """A delivery that waits, or is in a window."""

    delivery: int
    attempts: int = 0
    doubted: int = 0
    """It may have been taken, by whom it was asked before (`tainted`, `sticky`)."""


class Entry(NamedTuple):
    """A delivery of the window that its worker is at."""

    delivery: int
    attempts: int
    doubted: int
    answer: int


class Request(NamedTuple):
    """The request's document."""

    exists: int
    begun: tuple[int, ...]
    """The body + 1 of each part."""
    counted: tuple[int, ...]
    lost: tuple[int, ...]
    cut: int = 0
    cancelled: int = 0
    pauses: int = 0
    completion: tuple[int, ...] = ()
    announced: int = 0
    facts: int = 0
    """What the first expansion decided, + 1."""

    @property
    def marks(self) -> tuple[int, int]:
        """What was ordered about it."""
        return self.cancelled, self.pauses


class Chunk(NamedTuple):
    """A chunk's document."""

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
    """One bit a delivery."""
    made: int
    """From which body, and by which decision."""
    wake: int = FRESH
    """How it is found: FRESH, WOKEN or CLAIMED; kept only where the configuration has `wakes`."""

    @property
    def paused(self) -> bool:
        """Whether nothing more may be sent for now."""
        return self.pauses % 2 == 1 and not self.cancelled


class Env(NamedTuple):
    """The world around: what was committed, and what may still happen."""

    offset: int
    crashes: int
    lapses: int
    repeats: int
    receipts: int
    expired: int
    orders: tuple[int, ...]
    """How far each order is: 0 not given, 1 + n: request and n chunks marked, then answered, then OVER."""


class Idle(NamedTuple):
    """A process with nothing in hand."""

    step: int = 0


class Worker(NamedTuple):
    """A process that holds, or believes to hold, a chunk."""

    step: int
    chunk: int
    valid: int
    taken_over: int
    entries: tuple[Entry, ...]
    unacked: int
    """Bits of what is logged, its event not yet published."""
    stop: int
    """CANCELLED or EXPIRED once nothing more may be sent."""
    pauses: int
    to_log: tuple[tuple[int, int], ...]
    given: tuple[int, int] = (0, 0)
    """The marks of the request, when it asked for them."""


class Expander(NamedTuple):
    """A process that expands a record."""

    step: int
    record: int
    valid: int
    at: int
    """Which of the part's chunks is written next."""
    facts: int
    marks: tuple[int, int]
    """What the chunks are written with."""
    found: int = 0
    """Whether the recipient was found in a lower part."""
    fresh: int = 0
    given: tuple[int, int] = (0, 0)


class Finisher(NamedTuple):
    """A process that asks for the completion, or (NOBODY) the sweeper that puts marks on chunks."""

    step: int
    record: int
    valid: int
    counts: tuple[int, ...] = ()


Process = Idle | Worker | Expander | Finisher
IDLE = Idle()
GONE: tuple[()] = ()
"""A chunk document that was deleted; None: never written."""


class State(NamedTuple):
    """All of it."""

    request: Request
    chunks: tuple[Any, ...]
    logs: tuple[int, ...]
    """outcome | status << 4."""
    accepted: tuple[int, ...]
    """How often the provider took each delivery, or REFUSED."""
    published: tuple[int, ...]
    exposed: tuple[int, ...]
    """How often each delivery came in doubt."""
    done: tuple[tuple[int, ...], int]
    """The counts of the published completion; bits of the records refused."""
    procs: tuple[Process, ...]
    env: Env


class Step(NamedTuple):
    """What can happen next; fair steps happen in the end, the others may or may not."""

    label: tuple[object, ...]
    fair: bool
    after: State
    complaint: str | None = None


T = TypeVar("T")


def put(sequence: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    """The tuple with one place changed."""
    return (*sequence[:at], value, *sequence[at + 1 :])


def count(outcomes: list[int]) -> tuple[int, ...]:
    """How many of each outcome."""
    return tuple(outcomes.count(outcome) for outcome in OUTCOMES)
