"""What the ledger must hold after each step of its machine, kept by the simplest means there are.

The model has a clock of its own, in seconds; all that is scheduled is tens of seconds apart, so that the real time
that passes on MongoDB in between decides nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.chunk_work import Counts, DecidedDelivery, WaitingDelivery, Window, Work, prepare_release
from core.ids import ChunkId, LogId, RequestKey, log_id
from core.index_ranges import indices
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.models import Chunk, ControlFlags, Log
from schemas.statuses import Lane, Reason, Status
from tests.support.builders import PROVIDERS, a_chunk, a_key

LEASE, DELAY, UNCLAIMED = 30, 50, 60
WINDOW = 2
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {"scheduled": ((3,),), "large": ((4, 3), (5,))}
"""The requests: for each of their parts the sizes of its chunks."""
LANES = {"scheduled": Lane.EXPRESS, "large": Lane.BULK}
EXPIRES = {"scheduled": 300.0}
"""When what is not sent of a request by then has expired."""
NEVER = float("inf")
NO_MARKS = ControlFlags()
Outcome = tuple[Status, Reason | None]


@dataclass(eq=False)
class KnownChunk:
    """A chunk as it must be stored."""

    chunk: Chunk
    due: float
    sweep: float
    """When a sweeper may take it."""
    was_deferred: bool
    """It was written with a due_at."""
    open: bool = True
    hold: ClaimToken | None = None
    window: Window | None = None
    claims: int = 0
    parked: bool = False
    """Paused, and in nobody's hands."""
    expires: float = NEVER

    def __post_init__(self) -> None:
        """What is written while its request is paused is parked."""
        self.park_if_paused()

    @property
    def work(self) -> Work:
        """What is to do, an open window counted as the next batch."""
        work = self.chunk.work
        return replace(work, next=self.window.batch) if self.window else work

    def logs(self) -> list[LogId]:
        """The ids of all its logs."""
        first = self.chunk.first
        return [log_id(self.chunk.key, self.chunk.part, index) for index in range(first, first + self.chunk.size)]

    def is_claimable(self, now: float) -> bool:
        """Whether a new owner may take it."""
        return self.open and self.due <= now and (not self.parked or self.expires <= now)

    @property
    def fresh(self) -> bool:
        """What a sweeper looks for it as."""
        return not self.claims and not self.was_deferred

    def park_if_paused(self) -> None:
        """Where nobody holds it, a paused chunk waits for a resume, a cancel, or its expiry."""
        if self.hold is None and self.chunk.control_flags.paused:
            self.parked, self.sweep = True, self.expires

    def mark(self, marks: ControlFlags, now: float) -> None:
        """It carries the marks; a cancel wakes it up if nobody holds it, and so does a resume if it was parked."""
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
        """Due from then on, for wake-up calls and sweepers alike."""
        self.due = self.sweep = due

    def claim(self, claim: ClaimRequest, now: float) -> None:
        """Somebody took it: its next batch becomes the window, unless one is open."""
        batch = self.chunk.work.next
        if self.window is None and batch:
            self.window = Window(batch, PROVIDERS[self.chunk.channel][batch.attempts % 2])
            self.chunk = replace(self.chunk, work=replace(self.chunk.work, next=None))
        self.claims, self.parked = self.claims + 1, False
        self.hold = ClaimToken(self.chunk.id, claim.owner, self.claims, claim.lease_seconds)
        self.put(now + LEASE)

    def let_go(self, work: Work, due: float) -> None:
        """Its owner put it back."""
        self.chunk, self.hold, self.window = replace(self.chunk, work=work), None, None
        self.put(due)
        self.park_if_paused()

    def close(self, counts: Counts) -> None:
        """Nothing of it is left to do."""
        self.open, self.hold, self.window = False, None, None
        self.chunk = replace(self.chunk, work=Work(counts=counts))


@dataclass(eq=False)
class KnownRequest:
    """A request as it must be stored."""

    id: str
    begun: set[int] = field(default_factory=set)
    counted: set[int] = field(default_factory=set)
    marks: ControlFlags = NO_MARKS
    completed: Counts | None = None
    chunks: dict[ChunkId, KnownChunk] = field(default_factory=dict)

    @property
    def key(self) -> RequestKey:
        """Its key."""
        return a_key(self.id)

    @property
    def all_expanded(self) -> bool:
        """Whether all its parts are counted."""
        return len(self.counted) == len(SHAPES[self.id])

    @property
    def open(self) -> list[KnownChunk]:
        """Its open chunks."""
        return [known for known in self.chunks.values() if known.open]

    def of_part(self, number: int) -> list[KnownChunk]:
        """The chunks of a part that are written."""
        return [known for known in self.chunks.values() if known.chunk.part == number]

    def mark(self, marks: ControlFlags, now: float, part: int | None = None) -> None:
        """Its open chunks carry the marks, or those of one part."""
        for known in self.open:
            if part in (None, known.chunk.part):
                known.mark(marks, now)


@dataclass(eq=False)
class Owner:
    """What the owner of a claim has in memory."""

    claim: ClaimRequest
    claimed: ClaimResult
    known: KnownChunk
    lease_ends: float
    fresh: bool = True
    """It wrote nothing yet, so that it may still repeat its claim."""
    answered: bool = False
    """What became of its window is in the logs, and not in the chunk yet."""
    left: bool = False
    """It has closed the chunk, put it back, or learnt that it lost it."""
    expired: bool = False

    def __post_init__(self) -> None:
        """Begin with what the claim brought."""
        chunk = self.claimed.chunk
        self.work, self.counts, self.marks = chunk.work, Counter(chunk.work.counts), chunk.control_flags
        self.window, self.taken_over = self.claimed.window, self.claimed.taken_over
        self.unpublished = set(indices(chunk.work.unacknowledged))
        self.again: list[WaitingDelivery] = []

    @property
    def owns(self) -> bool:
        """Whether nobody claimed, closed or put back the chunk since."""
        return self.known.open and self.known.hold == self.claimed.token

    @property
    def stop(self) -> Outcome | None:
        """What ends all that is not sent."""
        if self.marks.cancelled:
            return Status.CANCELLED, Reason.CANCELLED
        return (Status.EXPIRED, Reason.EXPIRED) if self.expired else None

    @property
    def to_log(self) -> bool:
        """Whether something is to be sent, logged or stopped."""
        stops = self.stop and self.work.waiting
        return not self.answered and bool(self.window or self.work.decided or stops)


def new_chunk(request_id: str, part: int, number: int, marks: ControlFlags) -> Chunk:
    """A chunk as its expansion writes it: the first recipient is decided, the others are to be sent to."""
    sizes = SHAPES[request_id][part]
    first, size = sum(sizes[:number]), sizes[number]
    decided = (DecidedDelivery(first, Status.SUPPRESSED, Reason.DUPLICATE),)
    work, _ = prepare_release(Work(untried=((first + 1, first + size),), decided=decided), WINDOW)
    chunk = a_chunk(request_id, part=part, first=first, size=size, work=work, lane=LANES[request_id])
    return replace(chunk, cancelled=marks.cancelled, pauses=marks.pauses)


def tally_of(logs: Iterable[Log]) -> Counts:
    """How many outcomes of each kind."""
    return Counter((log.outcome, log.reason) for log in logs)
