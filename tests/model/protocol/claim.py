"""Claim: an idle process claims a due chunk (ledger.chunk_port.Chunks.claim, claim_due)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.budget import is_paid_before
from tests.model.protocol.providers import first_choices, record_new_intent
from tests.model.protocol.state import (
    CLAIMED,
    FREE,
    FRESH,
    LIVE,
    TODO,
    WOKEN,
    Chunk,
    Entry,
    Expander,
    Line,
    Process,
    State,
    Step,
    Worker,
    put,
)
from tests.model.protocol.steps import ASK_MARKS, CALL_LAST, COUNT, HOLD, MARK, MARKS, RECOVER_WINDOW, SEND, WAKE
from tests.model.protocol.worker import disowned, expire, go_on, obey

if TYPE_CHECKING:
    from tests.model.model import Model


def claims(m: "Model", s: State, at: int) -> Iterator[Step]:
    """Yield every claim that an idle process may make."""
    for k, chunk in enumerate(s.chunks):
        if chunk and is_claimable(m, s, k, chunk):
            yield from claim(m, s, at, k)


def is_claimable(m: "Model", s: State, k: int, chunk: Chunk) -> bool:
    """Return whether a chunk may be claimed.

    It must be open, not parked and without a live lease. It must also be announced, deferred, or older than a minute.
    """
    if chunk.closed or chunk.lease == LIVE or (chunk.parked and not s.env.expired):
        return False
    if not m.config.wakes or chunk.wake == WOKEN:
        return True
    if chunk.wake == CLAIMED:  # a chunk that was claimed before is deferred, or its owner is dead
        return "sweep_only_fresh" not in m.flaws
    if "sweep_only_deferred" in m.flaws:
        return False
    # The sweeper does not claim a new chunk for a minute. The expansion publishes its wake-up message within that time.
    return not any(_will_call(m, proc, k) for proc in s.procs)


def _will_call(m: "Model", proc: Process, k: int) -> bool:
    if not isinstance(proc, Expander):
        return False
    part = m.chunks_of[m.records[proc.record][0]]
    if proc.step in (COUNT, MARK, CALL_LAST):
        return bool(part) and part[-1] == k
    return proc.step in (MARKS, HOLD, WAKE) and part[proc.at] == k


def claim(m: "Model", s: State, at: int, k: int) -> Iterator[Step]:
    """Set the owner and the lease with one update. An open window stays. Otherwise write the first window."""
    for lines, chunk in _first_windows(m, s, s.chunks[k]):
        for known in range(s.env.changed + 1):
            yield from _claim(m, s, at, k, lines, chunk, known)


def _claim(  # noqa: PLR0917
    m: "Model", s: State, at: int, k: int, lines: tuple[Line, ...], chunk: Chunk, known: int
) -> Iterator[Step]:
    found, flaws = s.chunks[k], m.flaws
    swept = m.config.wakes and found.wake != WOKEN and not ("only_first_asks" in flaws and found.wake != FRESH)
    taken_over = bool(found.window) and "takeover_blind" not in flaws
    if m.config.budget is not None and "unreserved_is_taken_over" not in flaws:
        taken_over = taken_over and bool(found.reserved)
    taken_over = taken_over and "claim_moves_window" not in flaws
    chunk = chunk._replace(lease=LIVE, parked=0, wake=CLAIMED if m.config.wakes else FRESH)
    if "secrets_erased_at_claim" in flaws:
        chunk = chunk._replace(secrets=0)
    entries = tuple(Entry(*line, TODO) for line in lines)
    to_log = chunk.decided
    if "decided_in_window" in flaws and taken_over:
        entries, to_log = (*(Entry(*Line(d), TODO) for d, _ in to_log), *entries), ()
    unacked = 0 if "takeover_publishes_window" in flaws else chunk.unacked
    first = int(m.config.has_route or m.config.budget is not None)
    worker = Worker(SEND, k, 1, int(taken_over), entries, unacked, 0, 0, to_log, first=first, known=known)
    worker = worker._replace(doubts=chunk.doubts, paid_before=is_paid_before(m, lines))
    after = s._replace(
        chunks=put(s.chunks, k, chunk),
        exposed=_exposed(m, s, entries) if taken_over else s.exposed,
        procs=tuple(disowned(proc, k) for proc in s.procs),
    )
    worker = expire(m, after, obey(m, worker, chunk, (chunk.cancelled, chunk.pauses)))
    if "cancel_stops_window" in flaws and worker.stop:
        worker = worker._replace(taken_over=0)
    label = ("claim chunk", k, *(["(take-over)"] if taken_over else []), *(["(by a sweeper)"] if swept else []))
    for following in _begin(m, after, worker, swept=swept):
        claimed = after._replace(procs=put(after.procs, at, following))
        yield Step(label, fair=True, after=claimed, complaint=_wrong(m, s, following, lines, found))


def _first_windows(m: "Model", s: State, chunk: Chunk) -> Iterator[tuple[tuple[Line, ...], Chunk]]:
    """Yield the open window, or the first one with each provider that it may have been written with."""
    if chunk.window and "claim_moves_window" not in m.flaws:
        yield chunk.window, chunk
        return
    todo = chunk.todo + tuple(line.delivery for line in chunk.window)  # deliveries of an open window: only with a flaw
    lines = m.rules.pick(todo, chunk.later, ready=not todo)
    for provider in first_choices(m, lines[0], s.env.changed) if lines and m.config.has_route else (0,):
        chosen = tuple(line._replace(provider=provider) for line in lines)
        yield chosen, with_window(m, chunk._replace(todo=todo), chosen)


def with_window(m: "Model", chunk: Chunk, lines: tuple[Line, ...]) -> Chunk:
    """Return the chunk with these lines as its intent."""
    if "no_intent" in m.flaws:
        return chunk
    chosen = {line.delivery for line in lines}
    return chunk._replace(
        window=lines,
        reserved=0,
        todo=tuple(d for d in chunk.todo if d not in chosen),
        later=tuple(line for line in chunk.later if line.delivery not in chosen),
    )


def _exposed(m: "Model", s: State, entries: tuple[Entry, ...]) -> tuple[int, ...]:
    doubtful = {e.delivery for e in entries if not s.logs[e.delivery] and e.delivery not in m.decided}
    return tuple(min(times + (d in doubtful), 3) for d, times in enumerate(s.exposed))


def _begin(m: "Model", s: State, worker: Worker, *, swept: bool) -> Iterator[Worker]:
    if swept and m.config.orders and "sweeper_trusts_chunk" not in m.flaws:
        yield worker._replace(step=ASK_MARKS)
    else:
        yield from resume_previous_claim(m, s, worker)


def resume_previous_claim(m: "Model", s: State, worker: Worker) -> Iterator[Worker]:
    """Read the logs first if a previous owner may have sent the window, and may still write logs."""
    doubted = any(entry.doubted or entry.pinned for entry in worker.entries)
    careful = doubted or (m.config.policy == "resend" and "read_only_takeover" not in m.flaws)
    blind = "cancel_stops_window" in m.flaws and worker.stop
    if worker.entries and not blind and (worker.taken_over or (careful and "read_only_takeover" not in m.flaws)):
        yield worker._replace(step=RECOVER_WINDOW)
    elif worker.first:
        yield from record_new_intent(m, s, worker)
    else:
        yield go_on(m, worker)


def _wrong(m: "Model", s: State, worker: Worker, lines: tuple[Line, ...], found: Chunk) -> str | None:
    # No delivery would be sent, but the chunk would be claimed and released repeatedly during the pause. An owner that
    # dies in between leaves unsent deliveries in doubt. The chunk of a dead owner is found without being parked.
    if lines and found.paused and found.lease == FREE and not s.env.expired:
        return "a claim records a window of a paused chunk"
    if found.without_outcome & ~found.secrets:
        return "claims a delivery whose secret variables are erased"
    if found.without_outcome and not s.request.secrets:
        return "claims a delivery although the secret variables of the request are erased"
    if worker.taken_over or not lines or worker.step not in (SEND, RECOVER_WINDOW):
        return None
    logged = any(s.logs[line.delivery] for line in lines)
    if logged and worker.step == SEND and "takeover_blind" not in m.flaws:
        return "a fresh claim will send a delivery whose log stands"
    return begins_wrongly(m, s, worker)


def begins_wrongly(m: "Model", s: State, worker: Worker) -> str | None:
    """Return the reason why a window must not start now, independent of the knowledge of its owner."""
    if worker.stop or (worker.pauses % 2 and "pause_ignored" not in m.flaws):
        return None
    if order := m.barred(s):
        return f"begins a window although a {order} was answered"
    return "begins a window although it has expired" if s.env.expired else None
