"""Send: one provider call, and the renewal of the lease beside it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.state import (
    ANSWERS,
    CALLED,
    IDLE,
    LIVE,
    NAMES,
    NOT_SENT,
    REFUSED,
    TODO,
    Entry,
    F,
    S,
    State,
    Step,
    U,
    Worker,
    put,
)
from tests.model.protocol.steps import ADVANCE, LOG
from tests.model.protocol.worker import expire, go_on, obey

if TYPE_CHECKING:
    from tests.model.model import Model


def send(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Yield every answer that the next call may get, and a renewal before it."""
    chunk = s.chunks[worker.chunk]
    yield from _renew(m, s, at, worker)
    begun = any(entry.answer in CALLED for entry in worker.entries)
    if not begun and not (worker.valid and chunk and chunk.lease == LIVE):
        after = s._replace(procs=put(s.procs, at, IDLE))
        yield Step(("own clock: the lease is over",), fair=False, after=after)
    j = next(j for j, entry in enumerate(worker.entries) if entry.answer == TODO)
    entry = worker.entries[j]
    has_it = m.config.deduplicates and s.accepted[entry.delivery] > 0
    refused = s.accepted[entry.delivery] == REFUSED
    for letter in m.config.answers:
        answer = ANSWERS[letter]
        if (has_it and answer == F) or (refused and answer == S):
            continue
        for took in {"S": (1,), "U": (0,) if has_it or refused else (0, 1)}.get(letter, (0,)):
            doubted = 1 if answer == U else entry.doubted
            answered = entry._replace(answer=answer, doubted=doubted)
            yield _called(m, s, at, worker._replace(entries=put(worker.entries, j, answered)), answered, letter, took)


def _renew(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Yield the renewal that reads new control flags. The calls that have not begun then do not begin."""
    k, chunk = worker.chunk, s.chunks[worker.chunk]
    if not (chunk and worker.valid):
        return
    told = obey(m, worker, chunk, (chunk.cancelled, chunk.pauses))
    if told != worker:
        if "withdraws_what_left" in m.flaws:
            entries = (e._replace(answer=TODO, doubted=0) if e.answer == U else e for e in told.entries)
            told = told._replace(entries=tuple(entries))
        chunks = put(s.chunks, k, chunk._replace(lease=LIVE))
        yield Step(
            ("renew, chunk", k), fair=False, after=s._replace(chunks=chunks, procs=put(s.procs, at, go_on(m, told)))
        )


def _called(  # noqa: PLR0917
    m: "Model", s: State, at: int, worker: Worker, entry: Entry, letter: str, took: int
) -> Step:
    d, k = entry.delivery, worker.chunk
    times = min(s.accepted[d] + took, 3)
    if m.config.deduplicates:
        forgets = "refusal_forgotten" in m.flaws
        times = REFUSED if letter == "F" and not forgets else s.accepted[d] or took
    after = s._replace(
        accepted=put(s.accepted, d, times),
        exposed=put(s.exposed, d, min(s.exposed[d] + (letter == "U"), 3)),
    )
    if not any(other.answer == TODO for other in worker.entries):
        worker = expire(m, s, worker)
    following = go_on(m, worker)
    if "advance_before_log" in m.flaws and following.step in (LOG, ADVANCE) and worker.valid:
        after = after._replace(chunks=put(s.chunks, k, s.chunks[k]._replace(window=())))
    who = () if worker.valid else ("zombie:",)
    label = (*who, "call for", d, "->", letter, "taken" if took else "not taken")
    after = after._replace(procs=put(after.procs, at, following))
    return Step(label, fair=True, after=after, complaint=_wrong(m, s, after, d, took))


def _wrong(m: "Model", s: State, after: State, d: int, took: int) -> str | None:
    outcome, times = s.logs[d] & 15, after.accepted[d]
    if took and outcome in NOT_SENT:
        return f"accepted although its log says {NAMES[outcome]}"
    if times > 1 and not m.config.careful:
        return "the provider took the same delivery twice"
    if times > 1 + after.exposed[d]:
        return "a duplicate although no window was open"
    if times > m.config.attempts:
        return "sent more often than it may be attempted"
    if took and (d in m.repeats or d == 0) and sum(after.accepted[x] > 0 for x in (0, *m.repeats)) > 1:
        return "one recipient got the request twice"
    return None
