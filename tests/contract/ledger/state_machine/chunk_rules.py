"""Rules of the ledger state machine for chunks: claim, writes of the owner, loss, and close."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from core.chunk_work import WaitingDelivery, Window, Work, waiting_deliveries
from core.ids import LogId, log_id
from core.index_ranges import indices, to_ranges
from core.next_batch import prepare_release, take_next_batch
from ledger.claims import ClaimRequest, ClaimResult
from ledger.models import Log
from schemas.statuses import Channel, Lane, Reason, Status
from tests.contract.ledger.state_machine.model import DELAY, LEASE, WINDOW, KnownChunk, KnownRequest, Owner, tally_of
from tests.contract.ledger.state_machine.request_rules import REQUESTS, TWICE, Expanders
from tests.support.builders import a_claim, a_log

ANSWERS = st.lists(st.sampled_from(("sent", "failed", "later")), min_size=WINDOW, max_size=WINDOW)
"""Answers of the provider to the deliveries of a window."""
OUTCOMES = {"sent": (Status.SENT, None), "failed": (Status.FAILED, Reason.REJECTED)}
UNKNOWN = (Status.UNKNOWN, Reason.INTERRUPTED)
CANCELLED = 1
"""Maximum time that a released chunk of a cancelled request waits, in seconds."""


class Owners(Expanders):
    """Machine with every owner that ever claimed a chunk, and its writes."""

    owners = Bundle("owners")

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.everybody: list[Owner] = []
        self.logs: dict[LogId, Log] = {}
        self.book: dict[LogId, Status] = {}
        """Published outcomes, by log."""

    @rule(seconds=st.sampled_from((10, 20, 40, 70)))
    def time_passes(self, seconds: int) -> None:
        """Let a little more time pass than given, so that no chunk is due at exactly the current time."""
        self.run(self.wait(seconds + 0.01))
        self.time += seconds + 0.01

    @rule(target=owners, request_id=REQUESTS, number=st.integers(0, 2))
    def claim(self, request_id: str, number: int) -> Any:
        chunks = list(self.requests[request_id].chunks.values())
        if number >= len(chunks):
            return multiple()
        known, claim = chunks[number], a_claim(lease_seconds=LEASE)
        claimed = self.call(lambda: self.ledger.chunks.claim(known.chunk.id, claim))
        assert (claimed is not None) is known.is_claimable(self.time)
        return self.taken(known, claim, claimed) if claimed else multiple()

    @rule(target=owners, lane=st.sampled_from(Lane), channel=st.sampled_from(Channel), fresh=st.booleans())
    def claim_due(self, lane: Lane, channel: Channel, *, fresh: bool) -> Any:
        return self.swept(lane, channel, fresh=fresh) or multiple()

    def swept(self, lane: Lane, channel: Channel, *, fresh: bool) -> Owner | None:
        """Claim the chunk of a kind that is due for longest, if one is due."""
        claim, ripe, kind = a_claim(lease_seconds=LEASE), {}, (lane, channel, fresh)
        for request in self.requests.values():
            ripe |= {
                known.chunk.id: known
                for known in request.open
                if (known.chunk.lane, known.chunk.channel, known.fresh) == kind
                and known.sweep <= self.time
                and known.is_claimable(self.time)
            }
        claimed = self.call(lambda: self.ledger.chunks.claim_due(lane, channel, claim, never_claimed=fresh))
        if claimed is None:
            assert not ripe
            return None
        known = ripe[claimed.chunk.id]
        assert known.sweep <= min(other.sweep for other in ripe.values()) + 1
        return self.taken(known, claim, claimed)

    def taken(self, known: KnownChunk, claim: ClaimRequest, claimed: ClaimResult) -> Owner:
        """Check the result of a claim: a fencing token higher than any before, and the open window."""
        assert claimed.taken_over is (known.window is not None)
        known.claim(claim, self.time)
        assert claimed.token == known.hold
        assert claimed.window == known.window
        assert (claimed.chunk.work, claimed.chunk.control_flags) == (known.chunk.work, known.chunk.control_flags)
        self.seen["take-over"] += claimed.taken_over
        owner = Owner(claim, claimed, known, self.time + LEASE, expired=known.expires <= self.time)
        self.everybody.append(owner)
        return owner

    @rule(owner=owners)
    def claim_once_more(self, owner: Owner) -> None:
        """Repeat a claim whose answer was lost."""
        if owner.fresh and owner.owns:
            again = self.call(lambda: self.ledger.chunks.claim(owner.known.chunk.id, owner.claim))
            assert again is not None
            assert again.chunk.work == owner.claimed.chunk.work
            assert replace(again, chunk=owner.claimed.chunk) == owner.claimed
            self.written(owner, accepted=True, fresh=True)

    @rule(owner=owners)
    def renew(self, owner: Owner) -> None:
        flags = self.call(lambda: self.ledger.chunks.renew(owner.claimed.token))
        if self.written(owner, accepted=flags is not None, fresh=owner.fresh):
            assert flags == owner.known.chunk.control_flags

    @rule(owner=owners, answers=ANSWERS, twice=TWICE, stopping=st.booleans())
    def go_on(self, owner: Owner, answers: list[str], *, twice: bool, stopping: bool) -> None:
        """Take the next step of an owner, even if another owner has claimed the chunk since."""
        if owner.to_log and not owner.left:
            self.log(owner, answers, twice=twice)
        elif owner.answered or owner.left:
            self.advance(owner, twice=twice, stopping=stopping)
        elif owner.unpublished:
            self.publish(owner)
        else:
            self.leave(owner, twice=twice)

    def log(self, owner: Owner, answers: list[str], *, twice: bool) -> None:
        """Write the logs of the window, of decided deliveries and of those that a cancel stops. The first log stays."""
        ended = {decided.index: (decided.status, decided.reason) for decided in owner.work.decided}
        for line, answer in zip(_lines_of(owner.window), answers, strict=False):
            if owner.taken_over:
                ended[line.index] = UNKNOWN
            elif owner.stop:
                ended[line.index] = owner.stop
            elif owner.marks.paused:
                owner.again.append(replace(line, not_before=self.ledger.now()))
            elif answer == "later":
                not_before = self.ledger.now() + timedelta(seconds=DELAY)
                owner.again.append(replace(line, attempts=line.attempts + 1, not_before=not_before))
            else:
                ended[line.index] = OUTCOMES[answer]
        if owner.stop:
            ended |= {line.index: owner.stop for line in waiting_deliveries(owner.work)}
            owner.work = replace(owner.work, untried=(), retries=())
        chunk, logs = owner.known.chunk, []
        request_id = next(request.id for request in self.requests.values() if chunk.id in request.chunks)
        for index, (status, reason) in ended.items():
            mine = owner.claim.owner
            logs.append(a_log(request_id, index, part=chunk.part, status=status, reason=reason, provider=mine))
        stand = self.call(lambda: self.ledger.logs.insert_or_get(logs), twice=twice)
        assert stand == [self.logs.setdefault(log.id, log) for log in logs]
        self.seen["late log"] += stand != logs
        owner.counts += tally_of(stand)
        owner.unpublished |= ended.keys()
        owner.answered = True

    def advance(self, owner: Owner, *, twice: bool, stopping: bool) -> None:
        """Write the work and the next window."""
        work = replace(
            owner.work,
            retries=(*owner.work.retries, *owner.again),
            decided=(),
            counts=Counter(owner.counts),
            unacknowledged=to_ranges(sorted(owner.unpublished)),
        )
        stopping = stopping or bool(owner.stop) or owner.marks.paused
        batch, work = (None, work) if stopping else take_next_batch(work, self.ledger.now(), WINDOW)
        window = Window(batch, "first") if batch else None
        marks = self.call(lambda: self.ledger.chunks.advance(owner.claimed.token, work, window), twice=twice)
        if self.written(owner, accepted=marks is not None):
            assert marks == owner.known.chunk.control_flags
            owner.work, owner.window, owner.marks = work, window, marks
            owner.again, owner.answered, owner.taken_over = [], False, False
            owner.known.chunk, owner.known.window = replace(owner.known.chunk, work=work), window

    @rule(owner=owners)
    def publish(self, owner: Owner) -> None:
        """Publish the events of the logged deliveries, from the stored logs."""
        if not owner.left and owner.unpublished:
            chunk = owner.known.chunk
            ids = [log_id(chunk.key, chunk.part, index) for index in sorted(owner.unpublished)]
            standing = self.call(lambda: self.ledger.logs.get_many(ids))
            assert standing == {id_: self.logs[id_] for id_ in ids}
            for log in standing.values():
                assert self.book.setdefault(log.id, log.outcome) is log.outcome
            owner.unpublished = set()

    def leave(self, owner: Owner, *, twice: bool) -> None:
        """Close the chunk, or release it until a retry is due. All of its events were published."""
        chunks, hold, known = self.ledger.chunks, owner.claimed.token, owner.known
        if not owner.work.waiting:
            closed = self.call(lambda: chunks.close(hold, owner.counts), twice=twice)
            if self.written(owner, accepted=closed):
                known.close(owner.counts)
            owner.left = True
            return
        left, due_at = prepare_release(replace(owner.work, unacknowledged=()), WINDOW)
        due_at = due_at and self.ledger.now() + timedelta(seconds=DELAY)
        if self.written(owner, accepted=self.call(lambda: chunks.release(hold, left, due_at))):
            waits = 0 if due_at is None else CANCELLED if known.chunk.cancelled else DELAY
            known.let_go(left, self.time + waits)
            if twice:
                assert self.call(lambda: chunks.release(hold, left, due_at)) is False
        owner.left = True

    def written(self, owner: Owner, *, accepted: bool, fresh: bool = False) -> bool:
        """Check that a write is accepted from the current owner only (I3)."""
        assert accepted is owner.owns
        owner.fresh = fresh
        if accepted:
            owner.lease_ends = self.time + LEASE
            owner.known.put(self.time + LEASE)
        else:
            owner.left = True
            self.seen["late write"] += 1
        return accepted

    @invariant()
    def all_are_accounted_for(self) -> None:
        """Check I2 from the chunks alone, and that a closed chunk agrees with its logs and was published (I6)."""
        for request in self.requests.values():
            self.is_accounted_for(request)
        assert all(self.logs[id_].outcome is outcome for id_, outcome in self.book.items())

    def is_accounted_for(self, request: KnownRequest) -> None:
        """Check one request and each of its chunks."""
        chunks, key = self.ledger.chunks, request.key
        size = sum(known.chunk.size for known in request.chunks.values())
        in_windows = sum(len(known.window.batch) for known in request.open if known.window)
        assert self.call(lambda: chunks.counts(key)).total() == size
        assert self.call(lambda: chunks.has_open(key)) is bool(request.open)
        assert self.call(lambda: chunks.count_in_open_windows(key)) == in_windows
        for known in request.chunks.values():
            self.is_as_known(known)

    def is_as_known(self, known: KnownChunk) -> None:
        """Check that one chunk is stored as the model has it, with each delivery in exactly one field."""
        stored = self.call(lambda: self.ledger.chunks.get(known.chunk.id))
        assert (stored.work, stored.control_flags) == (known.work, known.chunk.control_flags)
        places = stored.work.waiting + len(stored.work.decided) + stored.work.counts.total()
        assert places == known.chunk.size
        if not known.open:
            assert stored.work == Work(counts=tally_of(self.logs[id_] for id_ in known.logs()))
            assert self.book.keys() >= set(known.logs())

    @invariant()
    def at_most_one_may_act(self) -> None:
        """Check I3: at most one owner has a chunk by its own clock."""
        live = Counter(o.known.chunk.id for o in self.everybody if not o.left and o.lease_ends > self.time)
        assert all(number == 1 for number in live.values())


def _lines_of(window: Window | None) -> list[WaitingDelivery]:
    if window is None:
        return []
    batch = window.batch
    return [WaitingDelivery(index, batch.attempts, a_log().created_at) for index in indices(batch.ranges)]
