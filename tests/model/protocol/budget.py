"""Budget of a request: reserved before a window is sent (consumer/billing/). Each try costs 1."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.state import (
    ELSEWHERE,
    IDLE,
    LOST,
    SENT,
    SUPPRESSED,
    TODO,
    UNKNOWN,
    Entry,
    Line,
    Process,
    S,
    State,
    Step,
    U,
    Worker,
    put,
)
from tests.model.protocol.steps import INTEND

if TYPE_CHECKING:
    from tests.model.model import Model

NO_BUDGET = 99
"""Room of a window of a request without a budget."""
PAID = (SENT, UNKNOWN)
Beyond = tuple[tuple[int, int], ...]


def reserve_claimed(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Reserve what the window of the claim may cost."""
    prices = sum(entry.answer == TODO for entry in worker.entries)
    yield _reserve(m, s, at, worker._replace(step=INTEND), _spent(m, s, worker, worker.doubts), prices)


def reserve_next(m: "Model", s: State, at: int, worker: Worker, lines: tuple[Line, ...]) -> Step:
    """Reserve what the next window may cost, before the advance writes it."""
    return _reserve(m, s, at, worker, _spent(m, s, worker, doubts_after(m, worker)), len(lines))


def settle(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Give back what no delivery of the chunk has used, before the close or release."""
    if m.config.budget is None:
        return
    spent = _spent(m, s, worker, doubts_after(m, worker))
    if s.reserved[worker.chunk] > spent or worker.outbid:
        yield _reserve(m, s, at, worker, spent, 0)


def _reserve(m: "Model", s: State, at: int, worker: Worker, spent: int, prices: int) -> Step:  # noqa: PLR0917
    """Set the amount of the chunk, unless a later owner has set it."""
    k = worker.chunk
    if worker.outbid and "reserves_unfenced" not in m.flaws:
        return Step(("zombie: reservation refused",), fair=True, after=s._replace(procs=put(s.procs, at, IDLE)))
    before = s.reserved[k]
    left = (m.config.budget or 0) - (sum(s.reserved) - before)
    granted = min(spent + prices, max(left, before))
    procs = tuple(_outbid(proc, k) if worker.valid else proc for proc in s.procs)
    moved = worker._replace(room=granted - spent if prices else worker.room)
    after = s._replace(reserved=put(s.reserved, k, granted), procs=put(procs, at, moved))
    return Step(("reserve", granted, "for chunk", k), fair=True, after=after)


def _outbid(proc: Process, k: int) -> Process:
    return proc._replace(outbid=1) if isinstance(proc, Worker) and proc.chunk == k and not proc.valid else proc


def _spent(m: "Model", s: State, worker: Worker, doubts: tuple[int, ...]) -> int:
    """Return the cost of the logs of the chunk, and of uncertain tries of deliveries without a log."""
    unsettled = {entry.delivery for entry in worker.entries if entry.answer == TODO}
    logged = sum(s.costs[d] for d in m.of_chunk[worker.chunk] if s.logs[d] and d not in unsettled)
    return logged + sum(doubts)


def beyond_budget(worker: Worker, lines: tuple[Line | Entry, ...]) -> Beyond:
    """Return the outcomes of the deliveries for which the budget has no room."""
    room = max(worker.room, 0)
    return tuple(
        (line.delivery, UNKNOWN if line.doubted or line.pinned or worker.taken_over else SUPPRESSED)
        for line in lines[room:]
    )


def doubts_after(m: "Model", worker: Worker) -> tuple[int, ...]:
    """Return the costs of uncertain tries, with those of this window that are tried again (`note_retries`)."""
    doubts = worker.doubts
    for entry in worker.entries if doubts else ():
        if entry.answer in (U, ELSEWHERE) and not m.rules.verdict(entry, worker.stop):
            doubts = put(doubts, entry.delivery, doubts[entry.delivery] + 1)
    return doubts


def note_takeover(m: "Model", worker: Worker) -> Worker:
    """Count the try of a previous owner as paid for each delivery that is sent again. A log has the cost otherwise."""
    if m.config.budget is None or not worker.taken_over:
        return worker
    doubts = worker.doubts
    for entry in worker.entries:
        if entry.answer == TODO and entry.doubted:
            doubts = put(doubts, entry.delivery, doubts[entry.delivery] + 1)
        elif entry.answer not in (TODO, LOST):
            doubts = put(doubts, entry.delivery, 0)
    return worker._replace(doubts=doubts)


def cost_of(m: "Model", worker: Worker, delivery: int, outcome: int) -> int:
    """Return the cost in the log of a delivery: its uncertain tries, and the last one if it may have been sent."""
    answer = next((entry.answer for entry in worker.entries if entry.delivery == delivery), TODO)
    paid = answer in (S, U, ELSEWHERE) or (worker.taken_over and answer == LOST and "uncertain_is_free" not in m.flaws)
    return worker.doubts[delivery] + paid if outcome in PAID else 0


def wrong_budget(m: "Model", s: State) -> str | None:
    """Return a complaint if a request may cost more than it has reserved, or has reserved more than its budget."""
    if m.config.budget is None:
        return None
    if sum(s.reserved) > m.config.budget:
        return "more is reserved than the budget"
    for k, deliveries in enumerate(m.of_chunk):
        if max(sum(s.accepted[d] for d in deliveries), sum(s.costs[d] for d in deliveries)) > s.reserved[k]:
            return f"chunk {k} has paid more than it has reserved"
    for d, log in enumerate(s.logs):
        if log and s.accepted[d] > s.costs[d]:
            return f"the log of delivery {d} has less than its cost"
    return None
