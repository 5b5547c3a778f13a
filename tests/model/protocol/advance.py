"""Advance: one fenced write of the work and of the next window as an intent, which returns the control flags."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.budget import beyond_budget, doubts_after, is_paid_before, reserve_next
from tests.model.protocol.claim import begins_wrongly, resume_previous_claim, with_window
from tests.model.protocol.providers import choices, counted_once_more, sent_with, targets
from tests.model.protocol.state import IDLE, LIVE, MOVED, NEXT, TODO, Chunk, Entry, Line, State, Step, Worker, bits, put
from tests.model.protocol.steps import RECOVER_WINDOW, SEND
from tests.model.protocol.worker import expire, go_on, obey

if TYPE_CHECKING:
    from tests.model.model import Model


def advance(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Return the state after the write or its refusal."""
    k, chunk = worker.chunk, s.chunks[worker.chunk]
    fenced = worker.valid or ("advance_unfenced" in m.flaws and chunk and not chunk.closed)
    if not fenced:
        if "zombie_goes_on" in m.flaws and worker.entries:
            yield from _goes_on(m, s, at, worker)
        yield _refused(s, at)
        return
    for ready in (True, False) if m.config.at_once else (False,):
        begun = _next_window(m, worker, chunk, ready=ready)
        if begun and m.config.budget is not None and worker.room < 0 and "reserves_after_call" not in m.flaws:
            yield reserve_next(m, s, at, worker, begun)
            return
        for provider in choices(m, begun[0], worker.known) if begun and m.config.has_route else (0,):
            lines = tuple(line._replace(provider=provider) for line in begun)
            written = _written(m, s, worker, chunk, lines)
            if m.config.budget is not None:
                lines = written.window
            following, why = _following(m, s, worker, written, lines)
            after = s._replace(chunks=put(s.chunks, k, written), procs=put(s.procs, at, following))
            who = () if worker.valid else ("zombie:",)
            seen = ("sees the cancel",) if following.stop and not worker.stop else ()
            yield Step((*who, "advance chunk", k, *seen), fair=True, after=after, complaint=why)
        if not (ready and begun and begun[0].attempts):
            break


def _left(m: "Model", worker: Worker, chunk: Chunk) -> tuple[tuple[int, ...], tuple[Line, ...]]:
    """Return the untried deliveries and those that are tried again, after this window."""
    if worker.stop:
        return (), ()
    gone = {entry.delivery for entry in worker.entries}
    kept = tuple(line for line in chunk.later if line.delivery not in gone)
    return tuple(d for d in chunk.todo if d not in gone), (*kept, *m.rules.again(worker.entries, worker.stop))


def _next_window(m: "Model", worker: Worker, chunk: Chunk, *, ready: bool) -> tuple[Line, ...]:
    """Return the next window. Deliveries that move on to another provider are due at once."""
    paused = worker.pauses % 2 and "pause_ignored" not in m.flaws
    if worker.stop or paused:
        return ()
    todo, later = _left(m, worker, chunk)
    moved = {entry.delivery for entry in worker.entries if entry.answer in (NEXT, MOVED)}
    if at_once := tuple(line for line in later if line.delivery in moved):
        return m.rules.pick((), at_once, ready=True)
    return m.rules.pick(todo, later, ready=ready)


def _written(m: "Model", s: State, worker: Worker, chunk: Chunk, lines: tuple[Line, ...]) -> Chunk:
    todo, later = _left(m, worker, chunk)
    held = m.rules.held_back(worker.entries, worker.stop)
    left = {*todo, *(line.delivery for line in later), *(d for d, _ in held)}
    counts = counted(m, s, worker, left)
    written = chunk._replace(
        lease=LIVE, window=(), todo=todo, later=later, decided=held, counts=counts, unacked=worker.unacked
    )
    written = with_window(m, written, lines)
    if m.config.budget is not None:
        later_owner = worker._replace(taken_over=0, doubts=doubts_after(m, worker))
        written = _within_budget(m, later_owner, written, written.window)
    return written._replace(secrets=written.secrets & _kept(m, written, written.window))


def _within_budget(m: "Model", worker: Worker, written: Chunk, asked: tuple[Line | Entry, ...]) -> Chunk:
    """Return the chunk with a window that is reserved. Deliveries beyond the budget are decided in the same write."""
    beyond = () if "reserves_after_call" in m.flaws else beyond_budget(worker, asked)
    gone = {delivery for delivery, _ in beyond}
    window = tuple(line for line in written.window if line.delivery not in gone)
    decided = (*written.decided, *beyond)
    return written._replace(window=window, decided=decided, doubts=worker.doubts, reserved=int(bool(window)))


def _kept(m: "Model", written: Chunk, lines: tuple[Line, ...]) -> int:
    """Return the deliveries whose secret variables stay: those that may be sent, the next window included."""
    if "secrets_of_retries_erased" in m.flaws:
        written = written._replace(later=())
    kept = written.without_outcome
    return kept & ~bits(line.delivery for line in lines) if "secrets_erased_with_intent" in m.flaws else kept


def counted(m: "Model", s: State, worker: Worker, left: set[int]) -> tuple[int, ...]:
    """Return the counts of the chunk without its remaining deliveries."""
    logs = s.logs
    if "counts_own" in m.flaws:
        own = dict(m.rules.finals(worker.entries, worker.stop))
        logs = tuple(own.get(d, log & 15) * 17 for d, log in enumerate(logs))
    return m.tally([d for d in m.of_chunk[worker.chunk] if d not in left], logs)


def _following(
    m: "Model", s: State, worker: Worker, written: Chunk, lines: tuple[Line, ...]
) -> tuple[Worker, str | None]:
    entries = tuple(Entry(*line, TODO) for line in lines)
    known = worker.stop or worker.pauses % 2
    worker = worker._replace(taken_over=0, first=0, entries=entries, to_log=written.decided)
    worker = worker._replace(room=-1, doubts=written.doubts, paid_before=is_paid_before(m, lines))
    after = s._replace(chunks=put(s.chunks, worker.chunk, written))
    worker = expire(m, after, obey(m, worker, written, (written.cancelled, written.pauses)))
    doubted = any(entry.doubted or entry.pinned for entry in entries)
    following = worker._replace(step=RECOVER_WINDOW) if doubted else go_on(m, worker)
    begins = bool(lines) and not known and following.step in (SEND, RECOVER_WINDOW)
    return following, begins_wrongly(m, s, following) if begins else None


def _goes_on(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Return the state after a zombie ignored the refusal."""
    last = worker.entries[-1].delivery
    beyond = [d for d in m.of_chunk[worker.chunk] if d > last and d not in m.decided][: m.config.window]
    if beyond:
        entries = tuple(Entry(*Line(d), TODO) for d in beyond)
        after = s._replace(procs=put(s.procs, at, worker._replace(step=SEND, entries=entries, unacked=0, to_log=())))
        yield Step(("advance refused, goes on",), fair=True, after=after)


def _refused(s: State, at: int) -> Step:
    return Step(("advance refused",), fair=True, after=s._replace(procs=put(s.procs, at, IDLE)))


def intend_again(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Write a claimed window again before it is sent: with the attempt of a previous owner, or another provider."""
    k, chunk = worker.chunk, s.chunks[worker.chunk]
    if not worker.valid:
        yield _refused(s, at)
        return
    counted_again = counted_once_more(worker.entries) if worker.taken_over else worker.entries
    for provider in targets(m, worker):
        window = tuple(
            line._replace(attempts=line.attempts + worker.taken_over, provider=provider) for line in chunk.window
        )
        written = chunk._replace(lease=LIVE, window=window)
        following = worker._replace(entries=sent_with(counted_again, provider))
        if m.config.budget is not None:
            written, following = _reserved(m, following, written)
        after = s._replace(chunks=put(s.chunks, k, written))
        following = obey(m, following, written, (written.cancelled, written.pauses))
        following = go_on(m, expire(m, after, following))
        label = ("intend again, chunk", k, *_named(m, provider))
        yield Step(label, fair=True, after=after._replace(procs=put(s.procs, at, following)))


def _reserved(m: "Model", worker: Worker, chunk: Chunk) -> tuple[Chunk, Worker]:
    """Return the chunk with its window reserved, and the worker without the deliveries beyond the budget."""
    asked = tuple(entry for entry in worker.entries if entry.answer == TODO)
    written = _within_budget(m, worker, chunk, asked)
    beyond = written.decided[len(chunk.decided) :]
    gone = {delivery for delivery, _ in beyond}
    entries = tuple(entry for entry in worker.entries if entry.delivery not in gone)
    worker = worker._replace(entries=entries, to_log=(*worker.to_log, *beyond), room=-1)
    return written._replace(secrets=written.secrets & written.without_outcome), worker


def _named(m: "Model", provider: int) -> tuple[object, ...]:
    return ("with provider", provider) if m.config.has_route else ()


def obey_fenced(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Write the same work again with the fencing token, after the chunk was marked."""
    k, chunk = worker.chunk, s.chunks[worker.chunk]
    if not worker.valid:
        yield _refused(s, at)
        return
    written = chunk._replace(lease=LIVE)
    after = s._replace(chunks=put(s.chunks, k, written))
    worker = expire(m, after, obey(m, worker, written, (written.cancelled, written.pauses)))
    for following in resume_previous_claim(m, s, worker._replace(given=(0, 0))):
        yield Step(("obey the marks, chunk", k), fair=True, after=after._replace(procs=put(s.procs, at, following)))
