"""Rules of the ledger state machine for requests: registration of parts, expansion, cancel, completion."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from core.chunk_work import Counts
from ledger.models import ControlFlags
from tests.contract.ledger.conftest import TimedLedger
from tests.contract.ledger.state_machine.model import (
    DELAY,
    EXPIRES,
    NEVER,
    SHAPES,
    UNCLAIMED,
    KnownChunk,
    KnownRequest,
    new_chunk,
)
from tests.support.builders import a_head, a_part

Run = Callable[[Awaitable[Any]], Any]
"""Function that runs one call of the ledger to its end."""

TWICE = st.booleans()
"""True if the first answer is lost, so that the same call is made again."""
REQUESTS = st.sampled_from(sorted(SHAPES))


Expansion = tuple[KnownRequest, int, ControlFlags]
"""Request, number of the part, and control flags that the consumer read."""


class Expanders(RuleBasedStateMachine):
    """Machine with the ledger and the model of its requests."""

    parts, asking, ready = Bundle("parts"), Bundle("asking"), Bundle("ready")

    def __init__(self, timed_ledger: TimedLedger, run: Run, seen: Counter[str]) -> None:
        super().__init__()
        self.ledger, self.wait, self.run, self.seen = timed_ledger.ledger, timed_ledger.wait, run, seen
        self.requests = {request_id: KnownRequest(request_id) for request_id in SHAPES}
        self.time = 0.0

    def call(self, ask: Callable[[], Awaitable[Any]], *, twice: bool = False) -> Any:
        """Run a call, or repeat it, and return the last result."""
        answer = self.run(ask())
        return self.run(ask()) if twice else answer

    @initialize(target=parts)
    def two_requests_come(self) -> Any:
        return multiple(self.begun("scheduled", 0), self.begun("large", 0))

    @rule(target=parts, twice=TWICE)
    def the_other_part_comes(self, *, twice: bool) -> Any:
        return self.begun("large", 1, twice=twice)

    def begun(self, request_id: str, number: int, *, twice: bool = False) -> Expansion:
        """Register a part, and read the control flags."""
        request = self.requests[request_id]
        part = a_part(number, last=number == len(SHAPES[request_id]) - 1)
        stored = self.call(lambda: self.ledger.requests.register_part(a_head(request_id), part), twice=twice)
        request.begun.add(number)
        assert stored.parts.keys() == request.begun
        assert stored.control_flags == request.marks
        return request, number, request.marks

    @rule(part=parts, twice=TWICE)
    def expand(self, part: Expansion, *, twice: bool) -> None:
        """Write the next chunk of the part. After the last chunk mark the part as expanded."""
        request, number, marks = part
        written = len(request.of_part(number))
        if written == len(SHAPES[request.id][number]):
            self.count(request, number, twice=twice)
            return
        now, chunk = self.ledger.now(), new_chunk(request.id, number, written, marks)
        due, sweep, expires = self.time, self.time + UNCLAIMED, EXPIRES.get(request.id, NEVER)
        if request.id == "scheduled":
            due = sweep = self.time + DELAY
            until_expiry = timedelta(seconds=expires - self.time)
            chunk = replace(chunk, due_at=now + timedelta(seconds=DELAY), expires_at=now + until_expiry)
        is_new = self.call(lambda: self.ledger.chunks.insert(chunk), twice=twice)
        assert is_new is not twice
        request.chunks[chunk.id] = KnownChunk(chunk, due, sweep, request.id == "scheduled", expires=expires)

    def count(self, request: KnownRequest, number: int, *, twice: bool) -> None:
        """Mark a part as expanded. Mark its chunks if the request was cancelled meanwhile."""
        stored = self.call(lambda: self.ledger.requests.mark_part_expanded(request.key, number), twice=twice)
        request.counted.add(number)
        assert stored.expanded_parts == request.counted
        assert stored.all_parts_expanded is request.all_expanded
        assert stored.control_flags == request.marks
        self.mark(request, number, twice=twice)

    def mark(self, request: KnownRequest, number: int | None = None, *, twice: bool = False) -> None:
        """Set the control flags of a request on its open chunks, or on those of one part."""
        chunks, marks = self.ledger.chunks, request.marks
        if marks.cancelled:
            self.call(lambda: chunks.mark_cancelled(request.key, number), twice=twice)
        elif marks.pauses:
            self.call(lambda: chunks.set_pause_count(request.key, marks.pauses, number), twice=twice)
        request.mark(marks, self.time, number)

    @rule(part=parts)
    def expand_from_the_beginning(self, part: Expansion) -> None:
        """Write a chunk that is stored already, as a late consumer does."""
        request, number, marks = part
        for at in range(len(request.of_part(number))):
            chunk = new_chunk(request.id, number, at, marks)
            assert self.call(lambda chunk=chunk: self.ledger.chunks.insert(chunk)) is False

    @rule(request_id=REQUESTS, twice=TWICE)
    def cancel(self, request_id: str, *, twice: bool) -> None:
        request = self.requests[request_id]
        stored = self.call(lambda: self.ledger.requests.cancel(request.key), twice=twice)
        assert (stored is None) is (request.completed is not None)
        if stored:
            request.marks = request.marks._replace(cancelled=True)
            self.mark(request, twice=twice)
            assert stored.control_flags == request.marks

    @rule(request_id=REQUESTS, twice=TWICE)
    def pause(self, request_id: str, *, twice: bool) -> None:
        self.order(self.ledger.requests.pause, self.requests[request_id], to_odd=True, twice=twice)

    @rule(request_id=REQUESTS, twice=TWICE)
    def resume(self, request_id: str, *, twice: bool) -> None:
        self.order(self.ledger.requests.resume, self.requests[request_id], to_odd=False, twice=twice)

    def order(self, order: Any, request: KnownRequest, *, to_odd: bool, twice: bool) -> None:
        """Pause or resume a request. A repeat changes nothing."""
        stored = self.call(lambda: order(request.key), twice=twice)
        assert (stored is None) is (request.completed is not None or request.marks.cancelled)
        if stored:
            changes = request.marks.paused is not to_odd
            request.marks = request.marks._replace(pauses=request.marks.pauses + changes)
            self.mark(request, twice=twice)
            assert stored.control_flags == request.marks

    @rule(request_id=REQUESTS, pauses=st.integers(1, 3))
    def an_old_order_comes_late(self, request_id: str, pauses: int) -> None:
        """Apply an older pause or resume to the chunks after a newer one."""
        request = self.requests[request_id]
        if pauses <= request.marks.pauses:
            self.call(lambda: self.ledger.chunks.set_pause_count(request.key, pauses))
            request.mark(ControlFlags(pauses=pauses), self.time)

    @rule(target=asking, request_id=REQUESTS)
    def ask_for_the_parts(self, request_id: str) -> Any:
        request = self.requests[request_id]
        stored = self.call(lambda: self.ledger.requests.get(request.key))
        assert stored.all_parts_expanded is request.all_expanded
        return request if stored.all_parts_expanded else multiple()

    @rule(target=ready, request=consumes(asking))
    def ask_for_open_chunks(self, request: KnownRequest) -> Any:
        if self.call(lambda: self.ledger.chunks.has_open(request.key)):
            return multiple()
        return request, self.call(lambda: self.ledger.chunks.counts(request.key))

    @rule(ready=ready)
    def complete(self, ready: tuple[KnownRequest, Counts]) -> None:
        """Complete the request twice. Only the first completion ever is stored."""
        request, counts = ready
        won = self.call(lambda: self.ledger.requests.complete(request.key, counts))
        assert (won is not None) is (request.completed is None)
        assert self.call(lambda: self.ledger.requests.complete(request.key, counts)) is None
        if won:
            assert not request.open
            assert won.completion.total == counts.total() == sum(map(sum, SHAPES[request.id]))
            request.completed = counts
            self.seen["completed"] += 1
