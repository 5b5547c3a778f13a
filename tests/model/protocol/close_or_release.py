"""Close or release: close the chunk, or put it back for a retry or until it is resumed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.advance import counted
from tests.model.protocol.finish import wrong_counts
from tests.model.protocol.small import completed
from tests.model.protocol.state import FREE, FRESH, IDLE, NOBODY, Finisher, State, Step, Worker, put
from tests.model.protocol.steps import ASK_PARTS, COMPLETE, LEAVE

if TYPE_CHECKING:
    from tests.model.model import Model


def leave(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Yield the close or release, after every event is acknowledged."""
    k, chunk, flaws = worker.chunk, s.chunks[worker.chunk], m.flaws
    early = "close_before_publish" in flaws or ("put_back_before_ack" in flaws and chunk and chunk.later)
    if worker.unacked and not early:
        return
    idle, unfenced = put(s.procs, at, IDLE), "close_unfenced" in flaws
    if not worker.valid and not unfenced:
        yield Step(("zombie: close refused",), fair=True, after=s._replace(procs=idle))
    elif not chunk or chunk.closed:
        yield Step(("close finds nothing",), fair=True, after=s._replace(procs=idle))
    elif (chunk.todo or chunk.later) and not unfenced:
        parked = int(chunk.paused and "pause_parks_nothing" not in flaws)
        back = chunk._replace(lease=FREE, window=(), parked=parked, unacked=0)
        procs = put(s.procs, at, worker._replace(valid=0, entries=())) if worker.unacked else idle
        after = s._replace(procs=procs, chunks=put(s.chunks, k, back))
        yield Step(("put back chunk", k, *(["(parked)"] if parked else [])), fair=True, after=after)
    else:
        yield _shut(m, s, at, worker, chunk.counts)


def is_done(m: "Model", s: State, worker: Worker) -> bool:
    """Return whether all deliveries of the chunk are logged, so that only the close remains."""
    chunk = s.chunks[worker.chunk]
    if not chunk or m.rules.again(worker.entries, worker.stop) or m.rules.held_back(worker.entries, worker.stop):
        return False
    mine = {entry.delivery for entry in worker.entries}
    waiting = {*chunk.todo, *(line.delivery for line in chunk.later)} - mine
    return bool(worker.stop or not waiting)


def close(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Close a chunk whose last window is still open, after every event is acknowledged."""
    chunk, unfenced = s.chunks[worker.chunk], "close_unfenced" in m.flaws
    if worker.unacked and "close_before_publish" not in m.flaws:
        return
    if not worker.valid and not unfenced:
        yield Step(("zombie: close refused",), fair=True, after=s._replace(procs=put(s.procs, at, IDLE)))
    elif not chunk or chunk.closed:
        yield Step(("close finds nothing",), fair=True, after=s._replace(procs=put(s.procs, at, IDLE)))
    else:
        yield _shut(m, s, at, worker, counted(m, s, worker, set()))


def _shut(m: "Model", s: State, at: int, worker: Worker, counts: tuple[int, ...]) -> Step:
    """Complete the request with the counts of its only chunk, after that chunk is closed."""
    k, closed = worker.chunk, s.chunks[worker.chunk]
    shut = closed._replace(
        closed=1, lease=FREE, window=(), todo=(), later=(), decided=(), counts=counts, unacked=0, wake=FRESH, secrets=0
    )
    if "secrets_left_at_close" in m.flaws:
        shut = shut._replace(secrets=closed.secrets)
    if m.config.small and not worker.unacked:
        after = completed(s._replace(chunks=put(s.chunks, k, shut)), at, counts)
        return Step(("close chunk and complete", k), fair=True, after=after, complaint=wrong_counts(m, s, counts))
    request = s.request._replace(secrets=0) if "request_secrets_erased_at_close" in m.flaws else s.request
    alone = len(m.of_chunk) == len(m.chunks_of) == 1
    following: object = Finisher(COMPLETE, NOBODY, 0, counts) if alone else Finisher(ASK_PARTS, NOBODY, 0)
    if worker.unacked:
        following = worker._replace(step=LEAVE, entries=())
    after = s._replace(request=request, procs=put(s.procs, at, following), chunks=put(s.chunks, k, shut))
    return Step(("close chunk", k), fair=True, after=after)
