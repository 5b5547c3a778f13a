"""Several workers on one ledger, and a shadow of it that says what each call must answer.

The shadow has a clock of its own, in seconds; all that is scheduled is tens of seconds apart, so that the real time
that passes on MongoDB in between decides nothing.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from core.plan import indices
from core.work import Decided, Line, Window, Work, pick, put_back
from ledger.ports import Ledger
from ledger.values import Chunk, Claim, Claimed, Hold
from schemas.statuses import Lane, Reason, Status
from tests.builders import a_chunk, a_claim, a_key
from tests.contract.conftest import Wait

LEASE, DELAY, UNCLAIMED, CANCELLED = 30, 50, 60, 1
WINDOW = 2
LANES = (Lane.BULK, Lane.EXPRESS)


@dataclass
class Shadow:
    """What a chunk must look like."""

    chunk: Chunk
    sweep: float
    due: float = 0
    open: bool = True
    hold: Hold | None = None
    window: Window | None = None
    claims: int = 0


@dataclass
class Worker:
    """What the owner of a claim has in memory."""

    claim: Claim
    claimed: Claimed
    work: Work
    window: Window | None
    lease_ends: float
    stopped: bool = False
    fresh: bool = True
    """It wrote nothing yet, so that it may still repeat its claim."""


@dataclass
class Workers:
    """The ledger, its shadow, and everybody who ever claimed."""

    ledger: Ledger
    wait: Wait
    time: float = 0
    shadows: list[Shadow] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    async def step(self, verb: str, who: int, how: int) -> None:
        """One thing that may happen; `who` and `how` choose among what there is."""
        if verb == "insert":
            await self.insert(how)
        elif verb == "pass":
            await self.let_pass((10, 10, 20, 20, 40, 70)[how % 6])
        elif verb == "cancel":
            await self.cancel()
        elif verb == "sweep":
            await self.sweep(LANES[how % 2])
        elif verb == "claim" and self.shadows:
            await self.claim(self.shadows[who % len(self.shadows)])
        elif verb in ("repeat", "renew", "advance", "leave") and self.workers:
            acting = [worker for worker in self.workers if not worker.stopped]
            those = acting if acting and who % 4 else self.workers  # now and then one that should know better
            await getattr(self, verb)(those[who // 4 % len(those)], how)
        await self.check()

    async def insert(self, how: int) -> None:
        """A new chunk, or one that is there already."""
        first = how % 4 * 20
        later = how % 3 == 0
        due_at = self.ledger.now() + timedelta(seconds=DELAY) if later else None
        chunk = a_chunk(first=first, size=6 + how % 12, window_size=WINDOW, lane=LANES[how % 2], due_at=due_at)
        await self.ledger.chunks.insert(chunk)
        if all(shadow.chunk.id != chunk.id for shadow in self.shadows):
            due = self.time + DELAY if later else 0
            self.shadows.append(Shadow(chunk, due if later else self.time + UNCLAIMED, due))

    async def let_pass(self, seconds: float) -> None:
        """A little more than asked: nothing is ever scheduled for exactly now."""
        await self.wait(seconds + 0.01)
        self.time += seconds + 0.01

    async def cancel(self) -> None:
        """Mark all open chunks; those that nobody holds are due at once."""
        await self.ledger.chunks.mark_cancelled(a_key())
        for shadow in self.shadows:
            if shadow.open:
                shadow.chunk = replace(shadow.chunk, cancelled=True)
                if shadow.hold is None:
                    shadow.due = shadow.sweep = self.time

    async def claim(self, shadow: Shadow) -> None:
        """A new owner wants one chunk."""
        claim = a_claim(lease_seconds=LEASE)
        claimed = await self.ledger.chunks.claim(shadow.chunk.id, claim)
        assert (claimed is not None) is (shadow.open and shadow.due <= self.time)
        if claimed:
            self.take(shadow, claim, claimed)

    async def sweep(self, lane: Lane) -> None:
        """A new owner wants what waits longest."""
        claim = a_claim(lease_seconds=LEASE)
        claimed = await self.ledger.chunks.claim_due(lane, claim)
        ripe = [s for s in self.shadows if s.open and s.chunk.lane is lane and s.sweep <= self.time]
        assert (claimed is not None) is bool(ripe)
        if claimed:
            shadow = self.shadow_of(claimed.hold)
            assert shadow.sweep <= min(other.sweep for other in ripe) + 1
            self.take(shadow, claim, claimed)

    def take(self, shadow: Shadow, claim: Claim, claimed: Claimed) -> None:
        """What a successful claim must have brought."""
        assert claimed.taken_over is (shadow.window is not None)
        if shadow.window is None and shadow.chunk.work.next:
            batch = shadow.chunk.work.next
            shadow.window = Window(batch, ("first", "second")[batch.attempts % 2])
            shadow.chunk = replace(shadow.chunk, work=replace(shadow.chunk.work, next=None))
        shadow.claims += 1
        shadow.hold = claimed.hold
        self.extend(shadow)
        assert claimed.hold.fence == shadow.claims
        assert claimed.window == shadow.window
        assert claimed.chunk.work == shadow.chunk.work
        assert claimed.chunk.cancelled == shadow.chunk.cancelled
        self.workers.append(Worker(claim, claimed, claimed.chunk.work, claimed.window, self.time + LEASE))

    async def repeat(self, worker: Worker, _: int) -> None:
        """An owner whose claim was not answered asks once more."""
        if not (worker.fresh and self.owns(worker)):
            return
        again, first = await self.ledger.chunks.claim(worker.claimed.chunk.id, worker.claim), worker.claimed
        assert again is not None
        assert (again.hold, again.window, again.taken_over) == (first.hold, first.window, first.taken_over)
        assert again.chunk.work == first.chunk.work
        self.write(worker, accepted=True)
        worker.fresh = True

    async def renew(self, worker: Worker, _: int) -> None:
        """An owner wants more time."""
        self.write(worker, accepted=await self.ledger.chunks.renew(worker.claimed.hold))

    async def advance(self, worker: Worker, how: int) -> None:
        """An owner has tried its window: each delivery was sent, is to be tried again, or was refused.

        With a large `how` it means to leave, and opens no other window.
        """
        work = self.logged(worker.work)
        if worker.window:
            work = self.tried(work, worker.window, how)
        batch, work = pick(work, self.ledger.now(), WINDOW) if how < 160 else (None, work)
        window = Window(batch, "first") if batch else None
        mark = await self.ledger.chunks.advance(worker.claimed.hold, work, window)
        if self.write(worker, accepted=mark is not None):
            shadow = self.shadow_of(worker.claimed.hold)
            assert mark == shadow.chunk.marks
            worker.work, worker.window = work, window
            shadow.chunk, shadow.window = replace(shadow.chunk, work=work), window

    async def leave(self, worker: Worker, _: int) -> None:
        """An owner with no window open closes its chunk, or puts it back."""
        if worker.window and not worker.stopped:
            return
        hold, shadow, work = worker.claimed.hold, self.shadow_of(worker.claimed.hold), self.logged(worker.work)
        if work.waiting:
            work, due_at = put_back(work, WINDOW)
            delay = 0 if due_at is None else CANCELLED if shadow.chunk.cancelled else DELAY
            due_at = None if due_at is None else self.ledger.now() + timedelta(seconds=DELAY)
            accepted = await self.ledger.chunks.release(hold, work, due_at)
        else:
            accepted = await self.ledger.chunks.close(hold, work.counts)
            accepted = accepted and shadow.open  # a repeated close is answered as the first time
        if not self.write(worker, accepted=accepted):
            return
        worker.stopped = True
        shadow.window = shadow.hold = None
        if work.waiting:
            shadow.due = shadow.sweep = self.time + delay
        else:
            shadow.open, work = False, Work(counts=work.counts)
        shadow.chunk = replace(shadow.chunk, work=work)

    def logged(self, work: Work) -> Work:
        """What was decided has its log now."""
        counts = Counter(work.counts)
        for decided in work.decided:
            counts[decided.status, decided.reason] += 1
        return replace(work, decided=(), counts=counts)

    def tried(self, work: Work, window: Window, how: int) -> Work:
        """The work after a window, two bits of `how` for each answer."""
        counts, later, decided = Counter(work.counts), list(work.later), list(work.decided)
        attempts = window.batch.attempts + 1
        for place, index in enumerate(indices(window.batch.ranges)):
            answer = how >> 2 * place & 3
            if answer == 2:
                later.append(Line(index, attempts, self.ledger.now() + timedelta(seconds=DELAY)))
            elif answer == 3:
                decided.append(Decided(index, Status.FAILED, Reason.REJECTED, attempts=attempts))
            else:
                counts[Status.SENT, None] += 1
        return replace(work, counts=counts, later=tuple(later), decided=tuple(decided))

    def write(self, worker: Worker, *, accepted: bool) -> bool:
        """A write must be accepted from the owner, and from nobody else."""
        assert accepted is self.owns(worker)
        worker.fresh = False
        worker.stopped = not accepted
        if accepted:
            worker.lease_ends = self.time + LEASE
            self.extend(self.shadow_of(worker.claimed.hold))
        return accepted

    def owns(self, worker: Worker) -> bool:
        """Whether nobody claimed, closed or put back the chunk since this worker's claim."""
        shadow = self.shadow_of(worker.claimed.hold)
        return shadow.open and shadow.hold == worker.claimed.hold

    def extend(self, shadow: Shadow) -> None:
        """A lease from now on."""
        shadow.due = shadow.sweep = self.time + LEASE

    def shadow_of(self, hold: Hold) -> Shadow:
        """The shadow of a chunk."""
        return next(shadow for shadow in self.shadows if shadow.chunk.id == hold.chunk_id)

    async def check(self) -> None:
        """I2: all are accounted for, from the chunks alone. I3: at most one worker believes that it may act."""
        counts = await self.ledger.chunks.counts(a_key())
        assert counts.total() == sum(shadow.chunk.size for shadow in self.shadows)
        assert await self.ledger.chunks.any_open(a_key()) is any(shadow.open for shadow in self.shadows)
        live = Counter(w.claimed.chunk.id for w in self.workers if not w.stopped and w.lease_ends > self.time)
        assert all(number == 1 for number in live.values())
        for shadow in self.shadows:
            stored = await self.ledger.chunks.get(shadow.chunk.id)
            assert stored is not None
            expected = shadow.chunk.work
            assert stored.work == (replace(expected, next=shadow.window.batch) if shadow.window else expected)
            places = stored.work.waiting + len(stored.work.decided) + stored.work.counts.total()
            assert places == shadow.chunk.size
