"""Simple model of the expected content of the ledger after each step of the state machine.

The model has a clock of its own, in seconds. Scheduled times are tens of seconds apart, so that the real time that
passes on MongoDB in between changes no result.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.chunk_work import Counts, DecidedDelivery, WaitingDelivery, Window, Work
from core.ids import ChunkId, LogId, RequestKey, log_id
from core.index_ranges import indices
from core.next_batch import prepare_release
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.models import Chunk, ControlFlags, Log
from schemas.statuses import Lane, Reason, Status
from tests.support.builders import a_chunk, a_key

LEASE, DELAY, UNCLAIMED = 30, 50, 60
WINDOW = 2
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {"scheduled": ((3,),), "large": ((4, 3), (5,))}
"""Sizes of the chunks of each part, by request."""
LANES = {"scheduled": Lane.EXPRESS, "large": Lane.BULK}
EXPIRES = {"scheduled": 300.0}
"""Expiry of the requests."""
NEVER = float("inf")
NO_MARKS = ControlFlags()
Outcome = tuple[Status, Reason | None]


@dataclass(eq=False)
class KnownChunk:
    """Expected state of a chunk."""

    chunk: Chunk
    due: float
    sweep: float
    """Time from which the sweeper may claim the chunk."""
    was_deferred: bool
    """True if the chunk was written with a `due_at`."""
    open: bool = True
    hold: ClaimToken | None = None
    window: Window | None = None
    claims: int = 0
    parked: bool = False
    """True if the chunk is paused and has no owner."""
    expires: float = NEVER

    def __post_init__(self) -> None:
        """Park a chunk that is written while its request is paused."""
        self.park_if_paused()

    @property
    def work(self) -> Work:
        """Return the remaining work, with an open window as the next batch."""
        work = self.chunk.work
        return replace(work, next=self.window.as_batch) if self.window else work

    def logs(self) -> list[LogId]:
        """Return the ids of all logs of the chunk."""
        first = self.chunk.first
        return [log_id(self.chunk.key, self.chunk.part, index) for index in range(first, first + self.chunk.size)]

    def is_claimable(self, now: float) -> bool:
        """Return whether a new owner may claim the chunk."""
        return self.open and self.due <= now and (not self.parked or self.expires <= now)

    @property
    def fresh(self) -> bool:
        """Return the values by which the sweeper looks for the chunk."""
        return not self.claims and not self.was_deferred

    def park_if_paused(self) -> None:
        """Park a paused chunk without an owner until a resume, a cancel or its expiry."""
        if self.hold is None and self.chunk.control_flags.paused:
            self.parked, self.sweep = True, self.expires

    def mark(self, marks: ControlFlags, now: float) -> None:
        """Set the control flags. A cancel makes a chunk without an owner due, and a resume a parked chunk."""
        newer = marks.pauses > self.chunk.pauses
        self.chunk = replace(self.chunk, cancelled=marks.cancelled or self.chunk.cancelled)
        if marks.cancelled:
            self.parked = False
            if self.hold is None:
                self.put(now)
        elif newer:
            self.chunk = replace(self.chunk, pauses=marks.pauses)
            if self.parked and not self.chunk.control_flags.paused:
                self.parked, self.sweep = False, max(self.due, now)
            self.park_if_paused()

    def put(self, due: float) -> None:
        """Make the chunk due from this time on, for wake-up messages and the sweeper."""
        self.due = self.sweep = due

    def claim(self, claim: ClaimRequest, now: float) -> None:
        """Claim the chunk. Its next batch becomes the window, unless a window is open."""
        batch = self.chunk.work.next
        if self.window is None and batch:
            self.window = Window.of(batch)
            self.chunk = replace(self.chunk, work=replace(self.chunk.work, next=None))
        self.claims, self.parked = self.claims + 1, False
        self.hold = ClaimToken(self.chunk.id, claim.owner, self.claims, claim.lease_seconds)
        self.put(now + LEASE)

    def let_go(self, work: Work, due: float) -> None:
        """Release the chunk."""
        self.chunk, self.hold, self.window = replace(self.chunk, work=work), None, None
        self.put(due)
        self.park_if_paused()

    def close(self, counts: Counts) -> None:
        """Close the chunk."""
        self.open, self.hold, self.window = False, None, None
        self.chunk = replace(self.chunk, work=Work(counts=counts))


@dataclass(eq=False)
class KnownRequest:
    """Expected state of a request."""

    id: str
    begun: set[int] = field(default_factory=set)
    counted: set[int] = field(default_factory=set)
    marks: ControlFlags = NO_MARKS
    completed: Counts | None = None
    chunks: dict[ChunkId, KnownChunk] = field(default_factory=dict)

    @property
    def key(self) -> RequestKey:
        """Return the key of the request."""
        return a_key(self.id)

    @property
    def all_expanded(self) -> bool:
        """Return whether all parts are expanded."""
        return len(self.counted) == len(SHAPES[self.id])

    @property
    def open(self) -> list[KnownChunk]:
        """Return the open chunks."""
        return [known for known in self.chunks.values() if known.open]

    def of_part(self, number: int) -> list[KnownChunk]:
        """Return the written chunks of a part."""
        return [known for known in self.chunks.values() if known.chunk.part == number]

    def mark(self, marks: ControlFlags, now: float, part: int | None = None) -> None:
        """Set the control flags of the open chunks, or of those of one part."""
        for known in self.open:
            if part in (None, known.chunk.part):
                known.mark(marks, now)


@dataclass(eq=False)
class Owner:
    """State that the owner of a claim has in memory."""

    claim: ClaimRequest
    claimed: ClaimResult
    known: KnownChunk
    lease_ends: float
    fresh: bool = True
    """True until the first write. Until then the owner may repeat its claim."""
    answered: bool = False
    """True if the results of the window are in the logs and not yet in the chunk."""
    left: bool = False
    """True after the owner closed or released the chunk, or learnt that it lost the chunk."""
    expired: bool = False

    def __post_init__(self) -> None:
        """Start with the result of the claim."""
        chunk = self.claimed.chunk
        self.work, self.counts, self.marks = chunk.work, Counter(chunk.work.counts), chunk.control_flags
        self.window, self.taken_over = self.claimed.window, self.claimed.taken_over
        self.unpublished = set(indices(chunk.work.unacknowledged))
        self.again: list[WaitingDelivery] = []

    @property
    def owns(self) -> bool:
        """Return whether the chunk was not claimed, closed or released since."""
        return self.known.open and self.known.hold == self.claimed.token

    @property
    def stop(self) -> Outcome | None:
        """Return the status that ends all unsent deliveries."""
        if self.marks.cancelled:
            return Status.CANCELLED, Reason.CANCELLED
        return (Status.EXPIRED, Reason.EXPIRED) if self.expired else None

    @property
    def to_log(self) -> bool:
        """Return whether deliveries remain to be sent, logged or stopped."""
        stops = self.stop and self.work.waiting
        return not self.answered and bool(self.window or self.work.decided or stops)


def new_chunk(request_id: str, part: int, number: int, marks: ControlFlags) -> Chunk:
    """Return a new chunk. The first recipient is decided, and the others are to be sent."""
    sizes = SHAPES[request_id][part]
    first, size = sum(sizes[:number]), sizes[number]
    decided = (DecidedDelivery(first, Status.SUPPRESSED, Reason.DUPLICATE),)
    work, _ = prepare_release(Work(untried=((first + 1, first + size),), decided=decided), WINDOW)
    chunk = a_chunk(request_id, part=part, first=first, size=size, work=work, lane=LANES[request_id])
    return replace(chunk, cancelled=marks.cancelled, pauses=marks.pauses)


def tally_of(logs: Iterable[Log]) -> Counts:
    """Return the number of outcomes of each kind."""
    return Counter((log.outcome, log.reason) for log in logs)
