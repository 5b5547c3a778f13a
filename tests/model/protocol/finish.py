"""Complete: one event with the counts after the last attempt (consumer/request_lifecycle.py, sweep/sweeper.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.state import IDLE, NOBODY, Expander, Finisher, Process, State, Step, count, put
from tests.model.protocol.steps import (
    ADD_UP,
    ANNOUNCE,
    ANNOUNCED,
    ASK_OPEN,
    ASK_PARTS,
    COMMIT,
    COMPLETE,
    FINISHING,
    SWEEP_MARKS,
)

if TYPE_CHECKING:
    from tests.model.model import Model


def sweeps(m: "Model", s: State, at: int) -> Iterator[Step]:
    """Yield the steps of the sweeper for the request."""
    request = s.request
    if not request.exists:
        return
    steps = {proc.step for proc in s.procs}
    if m.config.orders and "no_mark_sweep" not in m.flaws and not request.completion and SWEEP_MARKS not in steps:
        lacking = any(c and not c.closed and m.rules.marked(c, request.marks) != c for c in s.chunks)
        if lacking and any(request.marks):
            yield _start(s, at, "sweeper reads the marks", Finisher(SWEEP_MARKS, NOBODY, 0, request.marks))
    if steps.intersection(FINISHING) or "no_completion_sweep" in m.flaws:
        return
    if not request.completion:
        expanded, shut = m.all_expanded(request), not m.any_open(s.chunks)
        if shut if "open_first" in m.flaws else expanded:
            yield _start(s, at, "sweeper asks", Finisher(ASK_PARTS, NOBODY, 0), fair=expanded and shut)
    elif not request.announced and "no_event_mark" not in m.flaws:
        yield _start(s, at, "sweeper finds the completion unannounced", Finisher(ANNOUNCE, NOBODY, 0))


def _start(s: State, at: int, label: str, proc: Finisher, *, fair: bool = True) -> Step:
    return Step((label,), fair=fair, after=s._replace(procs=put(s.procs, at, proc)))


def finish(m: "Model", s: State, at: int, f: Finisher) -> Iterator[Step]:
    """Yield the next step of a process that tries to complete the request."""
    over: Process = IDLE if f.record == NOBODY else Expander(COMMIT, f.record, f.valid, 0, 0, (0, 0))
    if f.step == SWEEP_MARKS:
        marks = (f.counts[0], f.counts[1])
        chunks = tuple(chunk and m.rules.marked(chunk, marks) for chunk in s.chunks)
        yield _to(s, at, over, "sweeper marks the chunks", chunks=chunks)
    elif f.step in (ASK_PARTS, ASK_OPEN):
        yield _ask(m, s, at, f, over)
    elif f.step == ADD_UP:
        yield _to(s, at, f._replace(step=COMPLETE, counts=_sums(s)), "add the counts up")
    elif f.step == COMPLETE:
        yield _complete(m, s, at, f, over)
    elif f.step == ANNOUNCE:
        counts = s.request.completion
        if "completion_recounted" in m.flaws:
            counts = count([log >> 4 for log in s.logs])
        why = "two completions that differ" if s.done[0] and s.done[0] != counts else None
        step = _to(s, at, f._replace(step=ANNOUNCED), "request.completed published", done=(counts, s.done[1]))
        yield step._replace(complaint=why)
    elif f.step == ANNOUNCED:
        yield _to(s, at, over, "note the announcement", request=s.request._replace(announced=1))


def _to(s: State, at: int, proc: Process, *label: object, **changes: object) -> Step:
    return Step(label, fair=True, after=s._replace(procs=put(s.procs, at, proc), **changes))


def _sums(s: State) -> tuple[int, ...]:
    closed = [chunk.counts for chunk in s.chunks if chunk and chunk.closed]
    return tuple(map(sum, zip(*closed, strict=True))) if closed else (0,) * 6


def _ask(m: "Model", s: State, at: int, f: Finisher, over: Process) -> Step:
    """Read first whether all parts are expanded, then whether a chunk is open. The flaw reverses the order."""
    second = f.step == ASK_OPEN
    if second == ("open_first" in m.flaws):
        yes, label = m.all_expanded(s.request), "ask: all parts expanded?"
    else:
        yes, label = not m.any_open(s.chunks), "ask: any chunk open?"
    early = "open_first" in m.flaws and not second
    counts = _sums(s) if early else f.counts
    if second and "open_first" in m.flaws:  # the sum was read when no chunk was open
        ahead = f._replace(step=COMPLETE)
    else:
        ahead = f._replace(step=ADD_UP if second else ASK_OPEN, counts=counts)
    return _to(s, at, ahead if yes else over, label, "go on" if yes else "stop")


def _complete(m: "Model", s: State, at: int, f: Finisher, over: Process) -> Step:
    request = s.request
    if request.completion:
        return _to(s, at, over, "already completed")
    if not m.all_expanded(request):
        return _to(s, at, over, "not all parts are counted")
    inside = _inside(m, s)
    if not all(request.counted) and not (request.cut and m.all_expanded(request)):
        why: str | None = "completed before all parts are expanded"
    elif any(s.chunks[k] is None for k in inside) or m.any_open(s.chunks):
        why = "completed with an open chunk"
    else:
        why = wrong_counts(m, s, f.counts)
    completed = request._replace(completion=f.counts, secrets=0)
    step = _to(s, at, f._replace(step=ANNOUNCE, counts=()), "complete", f.counts, request=completed)
    return step._replace(complaint=why)


def _inside(m: "Model", s: State) -> list[int]:
    """Return the chunks that the completion counts."""
    request = s.request
    return [k for k, c in enumerate(s.chunks) if request.begun[m.part_of[k]] and (c or not request.lost[m.part_of[k]])]


def wrong_counts(m: "Model", s: State, counts: tuple[int, ...]) -> str | None:
    """Return a complaint about a completion with these counts."""
    everyone = [d for k in _inside(m, s) for d in m.of_chunk[k]]
    if not all(s.logs[d] for d in everyone):
        return "completed with a delivery without a log"
    if counts != count([s.logs[d] & 15 for d in everyone]):
        return f"the completion's counts {counts} differ from the logs"
    return None
