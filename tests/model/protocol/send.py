"""Send: one provider call, and the renewal of the lease beside it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from tests.model.protocol.permits import after_call, may_call, metered, permit_steps
from tests.model.protocol.providers import has, others
from tests.model.protocol.state import (
    CALLED,
    ELSEWHERE,
    IDLE,
    LIVE,
    MOVED,
    NAMES,
    NEXT,
    NOT_SENT,
    REFUSES,
    TODO,
    Entry,
    F,
    R,
    S,
    State,
    Step,
    U,
    Worker,
    Z,
    put,
)
from tests.model.protocol.steps import ADVANCE, LOG
from tests.model.protocol.worker import expire, go_on, obey

if TYPE_CHECKING:
    from tests.model.model import Model

MOST_PROVIDERS = 4


class Call(NamedTuple):
    """Call of a provider with its answer."""

    entry: Entry
    """Delivery with its answer."""
    letter: str
    """Answer as in Config.answers, or "-" if there is no provider."""
    took: int
    provider: int
    """Provider that was really called."""


def send(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Yield every answer that the next call may get, and a renewal before it."""
    chunk = s.chunks[worker.chunk]
    yield from permit_steps(m, s, at, worker)
    if worker.unused:
        return
    yield from _renew(m, s, at, worker)
    begun = any(entry.answer in CALLED for entry in worker.entries)
    if not begun and not (worker.valid and chunk and chunk.lease == LIVE):
        after = s._replace(procs=put(s.procs, at, IDLE))
        yield Step(("own clock: the lease is over",), fair=False, after=after)
    if not may_call(m, worker):
        return
    j = next(j for j, entry in enumerate(worker.entries) if entry.answer == TODO)
    for call in _calls(m, s, worker, worker.entries[j]):
        answered = worker._replace(entries=put(worker.entries, j, call.entry))
        yield _called(m, s, at, answered, call)


def _calls(m: "Model", s: State, worker: Worker, entry: Entry) -> Iterator[Call]:
    provider = entry.provider
    if m.config.has_route and not has(m, worker, provider):  # a provider that is pinned may be missing
        answer = R if entry.pinned or entry.refused else Z
        yield Call(entry._replace(answer=answer), "-", 0, provider)
        return
    if worker.known and not provider and m.config.change == "changed":  # with a bare name
        provider = len(m.config.providers)
    memory = s.memory[entry.delivery]
    has_it, refused = memory >> provider & 1, memory >> provider & REFUSES
    for letter in m.config.answers:
        if (has_it and letter == "F") or (refused and letter == "S"):
            continue
        for answer in _answers(m, worker, entry, letter):
            doubted = 1 if letter == "U" and not m.config.deduplicates(provider) else entry.doubted
            for took in {"S": (1,), "U": (0,) if has_it or refused else (0, 1)}.get(letter, (0,)):
                yield Call(entry._replace(answer=answer, doubted=doubted), letter, took, provider)


def _answers(m: "Model", worker: Worker, entry: Entry, letter: str) -> tuple[int, ...]:
    """Return what an answer may mean, which depends on the breakers of the other providers (`_try_again`)."""
    round_ends = (R,) if entry.refused else (Z,)
    others_may_be_open = "B" in m.config.answers
    sticky = entry.doubted or entry.pinned
    another = others(m, worker, entry)
    if letter == "Z":
        return round_ends
    if letter == "B":
        waits = (R,) if "breaker_spends_attempt" in m.flaws else round_ends
        return waits if sticky or not another else (MOVED, *waits)
    if letter == "R" and another and not sticky:
        return (NEXT, R) if others_may_be_open else (NEXT,)
    if letter == "U" and "uncertain_moves_on" in m.flaws and another:
        return (NEXT,)
    if letter == "U" and another and m.config.policy == "resend" and not m.config.deduplicates(entry.provider):
        return (ELSEWHERE, U) if others_may_be_open else (ELSEWHERE,)
    return ({"S": S, "R": R, "U": U, "F": F}[letter],)


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


def _called(m: "Model", s: State, at: int, worker: Worker, call: Call) -> Step:
    d, k = call.entry.delivery, worker.chunk
    times, memory = _taken(m, s, call)
    after = s._replace(
        accepted=put(s.accepted, d, times),
        memory=put(s.memory, d, memory),
        metered=metered(m, s, worker, call.took),
        exposed=put(s.exposed, d, min(s.exposed[d] + (call.letter == "U"), 3)),
    )
    if not any(other.answer == TODO for other in worker.entries):
        worker = expire(m, s, worker)
    worker = after_call(m, worker, call.letter)
    following = worker if worker.unused else go_on(m, worker)
    if "advance_before_log" in m.flaws and following.step in (LOG, ADVANCE) and worker.valid:
        after = after._replace(chunks=put(s.chunks, k, s.chunks[k]._replace(window=())))
    who = () if worker.valid else ("zombie:",)
    label = (*who, "call for", d, *_with(m, call), "->", call.letter, "taken" if call.took else "not taken")
    after = after._replace(procs=put(after.procs, at, following))
    why = _wrong(m, s, after, d, call.took)
    if m.config.has_route and call.letter in "SRUF":
        why = why or _asked_wrongly(m, s, worker, call)
        after = after._replace(asked=put(s.asked, d, s.asked[d] | _asked_bit(call)))
    return Step(label, fair=True, after=after, complaint=why)


def _with(m: "Model", call: Call) -> tuple[object, ...]:
    moved = {NEXT: "(the next one is asked)", MOVED: "(another one is asked)", ELSEWHERE: "(another one is next)"}
    return ("with provider", call.provider, moved.get(call.entry.answer, "")) if m.config.has_route else ()


def _taken(m: "Model", s: State, call: Call) -> tuple[int, int]:
    """Return how often a delivery was accepted after a call, and what the providers remember of it."""
    d = call.entry.delivery
    times, memory = s.accepted[d], s.memory[d]
    if not m.config.deduplicates(call.provider):
        return min(times + call.took, 3), memory
    if call.letter == "F" and "refusal_forgotten" not in m.flaws:
        memory |= REFUSES << call.provider
    if call.took and not memory >> call.provider & 1:
        return min(times + 1, 3), memory | 1 << call.provider
    return times, memory


def _asked_bit(call: Call) -> int:
    return 1 << call.entry.attempts * MOST_PROVIDERS + call.provider


def asked_in(asked: int, attempt: int) -> bool:
    """Return whether any provider was asked for a delivery in this attempt."""
    return bool(asked >> attempt * MOST_PROVIDERS & (1 << MOST_PROVIDERS) - 1)


def _asked_wrongly(m: "Model", s: State, worker: Worker, call: Call) -> str | None:
    """Return a complaint about a call that breaks I4 or I7."""
    d, provider = call.entry.delivery, call.entry.provider
    window = s.chunks[worker.chunk].window
    if worker.valid and not any(line.delivery == d and line.provider == provider for line in window):
        return "the intent does not name the provider that is called"
    if s.asked[d] & _asked_bit(call):
        return "a provider is asked twice in one attempt"
    return "asked after the last attempt" if call.entry.attempts >= m.config.attempts else None


def _wrong(m: "Model", s: State, after: State, d: int, took: int) -> str | None:
    outcome, times = s.logs[d] & 15, after.accepted[d]
    if took and outcome in NOT_SENT:
        return f"accepted although its log says {NAMES[outcome]}"
    if times > 1 and m.config.policy != "resend":
        return "the providers took the same delivery twice"
    if times > 1 + after.exposed[d]:
        return "a duplicate although no window was open"
    if times > m.config.attempts:
        return "sent more often than it may be attempted"
    if took and (d in m.repeats or d == 0) and sum(after.accepted[x] > 0 for x in (0, *m.repeats)) > 1:
        return "one recipient got the request twice"
    return None
