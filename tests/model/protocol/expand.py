"""Expand: one record of the intake is written as chunks (consumer/expand/expand.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.small import accept, is_new
from tests.model.protocol.state import (
    FREE,
    FRESH,
    IDLE,
    NOBODY,
    WOKEN,
    Chunk,
    Expander,
    Finisher,
    Request,
    State,
    Step,
    bits,
    put,
)
from tests.model.protocol.steps import (
    ASK_PARTS,
    BEGIN,
    CALL_LAST,
    COMMIT,
    COUNT,
    FINISHING,
    HOLD,
    INSERT,
    LOOK_UP,
    MARK,
    MARKS,
    REFUSE,
    WAKE,
)

if TYPE_CHECKING:
    from tests.model.model import Model

UNTIL_COUNTED = (LOOK_UP, INSERT, MARKS, HOLD, WAKE, COUNT)


def begins(m: "Model", s: State, at: int) -> Iterator[Step]:
    """Yield the reads of an idle process: the next record, the same after a rebalance, or an old committed one."""
    offset, left = s.env.offset, s.env.offset < len(m.records)
    holder = [j for j, proc in enumerate(s.procs) if _holds_partition(proc)]
    for facts in (0, 1) if m.config.facts else (0,):
        fresh = Expander(BEGIN, offset, 1, 0, facts, (0, 0))
        if left and not holder:
            yield Step(("record", offset, "read"), fair=True, after=s._replace(procs=put(s.procs, at, fresh)))
        elif left and s.env.lapses:
            old = s.procs[holder[0]]
            procs = put(put(s.procs, holder[0], old._replace(valid=0)), at, fresh)
            env = s.env._replace(lapses=s.env.lapses - 1)
            label = ("REBALANCE: record", offset, "read again")
            yield Step(label, fair=False, after=s._replace(procs=procs, env=env))
        if s.env.repeats:
            env = s.env._replace(repeats=s.env.repeats - 1)
            for record in range(offset):
                procs = put(s.procs, at, Expander(BEGIN, record, 0, 0, facts, (0, 0)))
                yield Step(("REPEAT of record", record), fair=False, after=s._replace(procs=procs, env=env))


def _holds_partition(proc: object) -> bool:
    if isinstance(proc, Expander):
        return bool(proc.valid)
    return isinstance(proc, Finisher) and bool(proc.valid) and proc.record != NOBODY and proc.step in FINISHING


def expand(m: "Model", s: State, at: int, e: Expander) -> Iterator[Step]:
    """Yield the next step of this expander."""
    if m.config.faults and e.step in UNTIL_COUNTED and not s.done[1]:
        yield _to(s, at, e, "FAULT of ours, for the third time", REFUSE, fair=False)
    part, body = m.records[e.record]
    if e.step == BEGIN and is_new(m, s):
        yield from accept(m, s, at, e, body, _make(m, e, 0, body))
        return
    yield _STEPS[e.step](m, s, at, e, part, body)


def _to(s: State, at: int, e: Expander, label: str, step: int, *, fair: bool = True, **changes: object) -> Step:
    """Return the step that leads to this expander. From INSERT on the expander counts the chunks."""
    ahead = step == INSERT and e.step in (INSERT, MARKS, HOLD, WAKE)
    moved = e._replace(step=step, at=e.at + 1 if ahead else 0 if step == COUNT else e.at)
    if step == COMMIT:
        moved = Expander(COMMIT, e.record, e.valid, 0, 0, (0, 0))
    return Step((label,), fair=fair, after=s._replace(procs=put(s.procs, at, moved), **changes))


def _begin(m: "Model", s: State, at: int, e: Expander, part: int, body: int) -> Step:  # noqa: PLR0917
    request, flaws = s.request, m.flaws
    loose = "late_part" in flaws or "any_body" in flaws
    other = request.begun[part] not in (0, body + 1) and "any_body" not in flaws
    late = request.cut and not request.begun[part] and "late_part" not in flaws
    if other or late or request.lost[part]:
        return _to(s, at, e, f"part {part} refused", REFUSE)
    early = "facts_late" not in flaws
    facts = request.facts - 1 if request.facts and early else e.facts
    begun = put(request.begun, part, request.begun[part] or (0 if loose else body + 1))
    secrets = request.secrets or int(not request.exists)
    written = request._replace(exists=1, begun=begun, facts=facts + 1 if early or request.facts else 0, secrets=secrets)
    repeats = any(d in m.repeats for k in m.chunks_of[part] for d in m.of_chunk[k])
    following = COUNT if not m.chunks_of[part] else LOOK_UP if repeats else INSERT
    if request.counted[part] and "always_inserts" not in flaws:
        following = COUNT
    env = s.env
    if "commit_before_chunks" in flaws and e.valid:
        env = env._replace(offset=max(env.offset, e.record + 1))
    moved = e._replace(facts=facts, marks=request.marks)
    return _to(s, at, moved, f"begin part {part}", following, request=written, env=env)


def _look_up(m: "Model", s: State, at: int, e: Expander, part: int, _: int) -> Step:
    lower = s.chunks[0]
    found = bool(lower) and not ("duplicates_among_open" in m.flaws and lower.closed)
    return _to(s, at, e._replace(found=int(found)), f"look up duplicates of part {part}: {found}", INSERT)


def _marks(m: "Model", s: State, at: int, e: Expander, _p: int, _b: int) -> Step:
    given = s.request.marks
    news = given != e.marks or (not e.fresh and "mark_if_news" not in m.flaws)
    following = HOLD if news and any(given) else _after_marks(m, e)
    return _to(s, at, e._replace(given=given if following == HOLD else (0, 0)), "read the marks", following)


def _hold(m: "Model", s: State, at: int, e: Expander, part: int, _: int) -> Step:
    marked = e._replace(marks=e.given, given=(0, 0))
    chunks = marks_of_part(m, s, e, part)
    return _to(s, at, marked, f"mark part {part}", _after_marks(m, marked), chunks=chunks)


def _wake(m: "Model", s: State, at: int, e: Expander, part: int, _: int) -> Step:
    k = m.chunks_of[part][e.at]
    return _to(s, at, e, f"wake-up for chunk {k}", INSERT, chunks=_called(s, k))


def _call_last(m: "Model", s: State, at: int, e: Expander, part: int, _: int) -> Step:
    """Yield the completion step of the process that closed the last chunk of the part."""
    k = m.chunks_of[part][-1]
    return _to(s, at, e, f"wake-up for chunk {k}, the last one", COMMIT, chunks=_called(s, k))


def _called(s: State, k: int) -> tuple[Chunk | None, ...]:
    chunk = s.chunks[k]
    calls = chunk and chunk.wake == FRESH and not chunk.closed
    return put(s.chunks, k, chunk._replace(wake=WOKEN)) if calls else s.chunks


def _mark(m: "Model", s: State, at: int, e: Expander, part: int, _: int) -> Step:
    marked = s._replace(chunks=marks_of_part(m, s, e, part))
    after = _after_count(m, marked, at, e, part, e.given)
    return Step(("mark part", part), fair=True, after=after)


def _after_count(m: "Model", s: State, at: int, e: Expander, part: int, marks: tuple[int, int]) -> State:  # noqa: PLR0917
    """Publish the wake-up message of the last chunk, unless the request is paused. Without chunks, try to complete."""
    following: object = Expander(COMMIT, e.record, e.valid, 0, 0, (0, 0))
    if not m.chunks_of[part]:
        following = Finisher(ASK_PARTS, e.record, e.valid)
    elif m.config.wakes and (marks[0] or not marks[1] % 2) and not s.request.completion:
        following = Expander(CALL_LAST, e.record, e.valid, 0, 0, (0, 0))
    return s._replace(procs=put(s.procs, at, following))


def _refuse(_m: "Model", s: State, at: int, e: Expander, _p: int, _b: int) -> Step:
    return _to(s, at, e, "request.rejected published", COMMIT, done=(s.done[0], s.done[1] | 1 << e.record))


def _commit(_m: "Model", s: State, at: int, e: Expander, _p: int, _b: int) -> Step:
    moves = e.valid and s.env.offset == e.record
    env = s.env._replace(offset=e.record + 1) if moves else s.env
    how = "committed" if e.valid else "not committed: the partition was taken"
    after = s._replace(procs=put(s.procs, at, IDLE), env=env)
    return Step(("offset of record", e.record, how), fair=True, after=after)


def _insert(m: "Model", s: State, at: int, e: Expander, part: int, body: int) -> Step:  # noqa: PLR0917
    k = m.chunks_of[part][e.at]
    stands = s.chunks[k]
    fresh, why = not stands or "replaces_chunks" in m.flaws, None
    chunk = _make(m, e, k, body)
    if fresh:
        made = {c.made for j, c in enumerate(s.chunks) if c and m.part_of[j] == part} | {chunk.made}
        if len(made) > 1:
            why = "chunks of one part from two bodies, or from two decisions"
        elif s.request.completion:
            why = "a chunk written after the completion"
    env = s.env
    if "commit_before_count" in m.flaws and e.valid and k == m.chunks_of[part][-1]:
        env = env._replace(offset=max(env.offset, e.record + 1))
    last = k == m.chunks_of[part][-1]
    asks = m.config.orders and not last and "marks_not_read_again" not in m.flaws
    following = COUNT if last else MARKS if asks else _after_marks(m, e)
    label = f"insert chunk {k}" if fresh else f"insert chunk {k} (is there: nothing changes)"
    chunks = put(s.chunks, k, chunk) if fresh else s.chunks
    step = _to(s, at, e._replace(fresh=int(fresh and following == MARKS)), label, following, chunks=chunks, env=env)
    return step._replace(complaint=why)


def _make(m: "Model", e: Expander, k: int, body: int) -> Chunk:
    decided = dict(m.decided)
    if e.found:
        decided.update(dict.fromkeys(m.repeats, 4))
    todo = tuple(d for d in m.of_chunk[k] if d not in decided)
    known = tuple((d, decided[d]) for d in m.of_chunk[k] if d in decided)
    cancelled, pauses = e.marks
    paused = int(pauses % 2 and not cancelled and "pause_parks_nothing" not in m.flaws)
    made = body * 4 + e.facts * 2 + e.found
    chunk = Chunk(0, FREE, (), todo, (), known, (0,) * 6, cancelled, pauses, paused, 0, made, secrets=bits(todo))
    if m.config.budget is not None:
        chunk = chunk._replace(doubts=(0,) * sum(map(len, m.of_chunk)))
    if "all_decided_closed" in m.flaws and not todo:
        return chunk._replace(closed=1, decided=(), counts=(0, 0, 0, len(known), 0, 0))
    return chunk


def _after_marks(m: "Model", e: Expander) -> int:
    cancelled, pauses = e.marks
    return WAKE if m.config.wakes and (cancelled or not pauses % 2) else INSERT


def marks_of_part(m: "Model", s: State, e: Expander, part: int) -> tuple[Chunk | None, ...]:
    """Return the chunks, with the control flags that were read on those of one part."""
    return tuple(
        m.rules.marked(chunk, e.given) if chunk and m.part_of[k] == part else chunk for k, chunk in enumerate(s.chunks)
    )


def _count(m: "Model", s: State, at: int, e: Expander, part: int, body: int) -> Step:  # noqa: PLR0917
    request, flaws = s.request, m.flaws
    counted = put(request.counted, part, 1)
    if "count_increments" in flaws:  # each part adds one
        free = [p for p, done in enumerate(request.counted) if not done]
        counted = put(request.counted, free[0], 1) if free else request.counted
    begun = put(request.begun, part, request.begun[part] or body + 1)
    written: Request = request._replace(counted=counted, begun=begun, facts=request.facts or e.facts + 1)
    seen = "mark_if_news" in flaws and e.marks == request.marks
    after = s._replace(request=written)
    if any(request.marks) and not seen and "marks_not_read_again" not in flaws:
        marking = e._replace(step=MARK, given=request.marks, facts=0, found=0, fresh=0, at=0)
        after = after._replace(procs=put(s.procs, at, marking))
    else:
        after = _after_count(m, after, at, e, part, request.marks)
    return Step(("count part", part), fair=True, after=after)


_STEPS = {
    BEGIN: _begin,
    LOOK_UP: _look_up,
    INSERT: _insert,
    MARKS: _marks,
    HOLD: _hold,
    WAKE: _wake,
    COUNT: _count,
    MARK: _mark,
    CALL_LAST: _call_last,
    REFUSE: _refuse,
    COMMIT: _commit,
}
