"""Leave: close the chunk, or put it back for a retry or until it is resumed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.state import FREE, FRESH, IDLE, NOBODY, Finisher, State, Step, Worker, put
from tests.model.steps import ASK_PARTS

if TYPE_CHECKING:
    from tests.model.model import Model


def leave(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Once every event is acknowledged."""
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
        shut = chunk._replace(closed=1, lease=FREE, window=(), todo=(), later=(), decided=(), unacked=0, wake=FRESH)
        following = worker._replace(entries=()) if worker.unacked else Finisher(ASK_PARTS, NOBODY, 0)
        after = s._replace(procs=put(s.procs, at, following), chunks=put(s.chunks, k, shut))
        yield Step(("close chunk", k), fair=True, after=after)
