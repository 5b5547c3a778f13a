"""Advance: one fenced write of the work and of the next window as an intent, which returns the control flags."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.claim import begins_wrongly, resume_previous_claim, with_window
from tests.model.protocol.state import IDLE, LIVE, TODO, Chunk, Entry, Line, State, Step, Worker, bits, put
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
        written, lines = _written(m, s, worker, chunk, ready=ready)
        following, why = _following(m, s, worker, written, lines)
        after = s._replace(chunks=put(s.chunks, k, written), procs=put(s.procs, at, following))
        who = () if worker.valid else ("zombie:",)
        seen = ("sees the cancel",) if following.stop and not worker.stop else ()
        yield Step((*who, "advance chunk", k, *seen), fair=True, after=after, complaint=why)
        if not (ready and lines and lines[0].attempts):
            break


def _written(m: "Model", s: State, worker: Worker, chunk: Chunk, *, ready: bool) -> tuple[Chunk, tuple[Line, ...]]:
    gone = {entry.delivery for entry in worker.entries}
    again = m.rules.again(worker.entries, worker.stop)
    todo = () if worker.stop else tuple(d for d in chunk.todo if d not in gone)
    later = () if worker.stop else (*(line for line in chunk.later if line.delivery not in gone), *again)
    held = m.rules.held_back(worker.entries, worker.stop)
    left = {*todo, *(line.delivery for line in later), *(d for d, _ in held)}
    counts = counted(m, s, worker, left)
    paused = worker.pauses % 2 and "pause_ignored" not in m.flaws
    lines = () if worker.stop or paused else m.rules.pick(todo, later, ready=ready)
    written = chunk._replace(
        lease=LIVE, window=(), todo=todo, later=later, decided=held, counts=counts, unacked=worker.unacked
    )
    written = with_window(m, written._replace(secrets=written.secrets & _kept(m, written, lines)), lines)
    return written, lines


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
    worker = worker._replace(taken_over=0, entries=entries, to_log=written.decided)
    after = s._replace(chunks=put(s.chunks, worker.chunk, written))
    worker = expire(m, after, obey(m, worker, written, (written.cancelled, written.pauses)))
    doubted = any(entry.doubted for entry in entries)
    following = worker._replace(step=RECOVER_WINDOW) if doubted else go_on(m, worker)
    begins = bool(lines) and not known and following.step in (SEND, RECOVER_WINDOW)
    return following, begins_wrongly(m, s, following) if begins else None


def _goes_on(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Return the state after a zombie ignored the refusal."""
    last = worker.entries[-1].delivery
    beyond = [d for d in m.of_chunk[worker.chunk] if d > last and d not in m.decided][: m.config.window]
    if beyond:
        entries = tuple(Entry(d, 0, 0, TODO) for d in beyond)
        after = s._replace(procs=put(s.procs, at, worker._replace(step=SEND, entries=entries, unacked=0, to_log=())))
        yield Step(("advance refused, goes on",), fair=True, after=after)


def _refused(s: State, at: int) -> Step:
    return Step(("advance refused",), fair=True, after=s._replace(procs=put(s.procs, at, IDLE)))


def counted_once_more(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return the entries with the attempt of a previous owner, which may have crashed because of them."""
    return tuple(e._replace(attempts=e.attempts + (e.answer == TODO)) for e in entries)


def intend_again(m: "Model", s: State, at: int, worker: Worker) -> Step:
    """Write a window after a take-over again, with one more attempt, before it is sent again."""
    k, chunk = worker.chunk, s.chunks[worker.chunk]
    if not worker.valid:
        return _refused(s, at)
    window = tuple(line._replace(attempts=line.attempts + 1) for line in chunk.window)
    written = chunk._replace(lease=LIVE, window=window)
    after = s._replace(chunks=put(s.chunks, k, written))
    worker = worker._replace(entries=counted_once_more(worker.entries))
    worker = obey(m, worker, written, (written.cancelled, written.pauses))
    following = go_on(m, expire(m, after, worker))
    return Step(("intend again, chunk", k), fair=True, after=after._replace(procs=put(s.procs, at, following)))


def obey_fenced(m: "Model", s: State, at: int, worker: Worker) -> Step:
    """Write the same work again with the fencing token, after the chunk was marked."""
    k, chunk = worker.chunk, s.chunks[worker.chunk]
    if not worker.valid:
        return _refused(s, at)
    written = chunk._replace(lease=LIVE)
    after = s._replace(chunks=put(s.chunks, k, written))
    worker = expire(m, after, obey(m, worker, written, (written.cancelled, written.pauses)))
    following = resume_previous_claim(m, worker._replace(given=(0, 0)))
    return Step(("obey the marks, chunk", k), fair=True, after=after._replace(procs=put(s.procs, at, following)))
