"""Budget of a request: reserved before a window is sent (consumer/billing/). Each try costs 1."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.rules import AGAIN
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


def is_paid_before(m: "Model", lines: tuple[Line, ...]) -> int:
    """Return whether an earlier try of a window counts as paid, because its provider deduplicates and bills once."""
    return int(m.config.budget is not None and bool(lines) and bool(lines[0].pinned))


def reserve_claimed(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Reserve what the window of the claim may cost."""
    prices = sum(entry.answer == TODO for entry in worker.entries) * (not worker.paid_before)
    yield _reserve(m, s, at, worker._replace(step=INTEND, room=0), _spent(m, s, worker, worker.doubts), prices)


def reserve_next(m: "Model", s: State, at: int, worker: Worker, lines: tuple[Line, ...]) -> Step:
    """Reserve what the next window may cost, before the advance writes it."""
    prices = len(lines) * (not is_paid_before(m, lines))
    return _reserve(m, s, at, worker._replace(room=0), _spent(m, s, worker, doubts_after(m, worker)), prices)


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
    moved = worker._replace(room=granted - spent if worker.room >= 0 else worker.room)
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
    room = len(lines) if worker.paid_before else max(worker.room, 0)
    return tuple(
        (line.delivery, UNKNOWN if line.doubted or line.pinned or worker.taken_over else SUPPRESSED)
        for line in lines[room:]
    )


def doubts_after(m: "Model", worker: Worker) -> tuple[int, ...]:
    """Return the costs of uncertain tries, with those of this window that are tried again (`note_retries`)."""
    doubts = worker.doubts
    for entry in worker.entries if doubts and not worker.paid_before else ():
        pinned = entry.pinned and "deduplicated_is_free" not in m.flaws
        again = entry.answer in AGAIN and not m.rules.verdict(entry, worker.stop)
        if again and (pinned or entry.answer in (U, ELSEWHERE)):
            doubts = put(doubts, entry.delivery, doubts[entry.delivery] + 1)
    return doubts


def note_takeover(m: "Model", s: State, worker: Worker) -> Worker:
    """Count the try of a previous owner as paid for each delivery that is sent again. A log has the cost otherwise."""
    if m.config.budget is None:
        return worker
    doubts = worker.doubts
    for entry in worker.entries:
        if entry.answer == TODO and entry.doubted and worker.taken_over:
            doubts = put(doubts, entry.delivery, doubts[entry.delivery] + 1)
        elif entry.answer not in (TODO, LOST):
            d = entry.delivery
            beyond = beyond_log(m, s, d, doubts[d] + (worker.taken_over > worker.paid_before)) if doubts[d] else 0
            doubts = put(doubts, d, beyond)
    return worker._replace(doubts=doubts)


def cost_of(m: "Model", worker: Worker, delivery: int, outcome: int) -> int:
    """Return the cost in the log of a delivery: its uncertain tries, and the last one if it may have been sent."""
    if outcome not in PAID:
        return 0
    entry = next((entry for entry in worker.entries if entry.delivery == delivery), None)
    paid = entry and not worker.paid_before and _may_cost(m, worker, entry)
    return worker.doubts[delivery] + int(bool(paid))


def _may_cost(m: "Model", worker: Worker, entry: Entry) -> bool:
    if entry.answer in (S, U, ELSEWHERE):
        return True
    lost = entry.answer == LOST and "uncertain_is_free" not in m.flaws
    pinned = entry.pinned and "deduplicated_is_free" not in m.flaws
    return bool(worker.taken_over and (lost or pinned))


def beyond_log(m: "Model", s: State, delivery: int, cost: int) -> int:
    """Return what this owner has paid beyond the cost in the log that a previous owner wrote meanwhile."""
    if "earlier_log_counts" in m.flaws or not s.costs[delivery]:
        return 0
    return max(0, cost - s.costs[delivery])


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
        if log and s.accepted[d] > s.costs[d] and m.config.policy != "resend":
            return f"the log of delivery {d} has less than its cost"
    return None
