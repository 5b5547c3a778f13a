"""Deliver: the next steps of the owner of a chunk (consumer/deliver/chunk_worker.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.advance import advance, counted_once_more, intend_again, obey_fenced
from tests.model.protocol.claim import resume_previous_claim
from tests.model.protocol.close_or_release import close, is_done, leave
from tests.model.protocol.send import send
from tests.model.protocol.state import FAILED, LOST, NAMES, NOT_SENT, STANDS, TODO, UNKNOWN, State, Step, Worker, put
from tests.model.protocol.steps import (
    ADVANCE,
    ASK_MARKS,
    INTEND,
    LEAVE,
    LOG,
    MARK_CHUNK,
    OBEY,
    RECOVER_WINDOW,
    SEND,
)
from tests.model.protocol.worker import expire, go_on

if TYPE_CHECKING:
    from tests.model.model import Model


def deliver(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Yield every step that this worker may take."""
    step = worker.step
    if worker.unacked and step in (SEND, ADVANCE, LEAVE) and (m.config.overlap or step != SEND):
        yield publish(m, s, at, worker)
    if step == ADVANCE and is_done(m, s, worker):  # the close writes the work
        yield from close(m, s, at, worker)
        if worker.unacked:  # the acknowledgement is slow: the work is written meanwhile
            yield from advance(m, s, at, worker)
    elif step in _ONE:
        yield _ONE[step](m, s, at, worker)
    else:
        yield from _SEVERAL[step](m, s, at, worker)


def moved(s: State, at: int, worker: Worker, *label: object, complaint: str | None = None, **changes: object) -> Step:
    """Return the step that leads to this worker."""
    who = () if worker.valid else ("zombie:",)
    after = s._replace(procs=put(s.procs, at, worker), **changes)
    return Step((*who, *label), fair=True, after=after, complaint=complaint)


def _ask_for_marks(m: "Model", s: State, at: int, worker: Worker) -> Step:
    given, chunk = s.request.marks, s.chunks[worker.chunk]
    known = (int(bool(worker.stop)), worker.pauses)
    asked = worker._replace(given=given)
    if chunk and given != known:
        return moved(s, at, asked._replace(step=MARK_CHUNK), "ask for marks: there are others")
    return moved(s, at, resume_previous_claim(m, worker), "ask for marks: the same")


def _mark_chunk(m: "Model", s: State, at: int, worker: Worker) -> Step:
    part = m.part_of[worker.chunk]
    chunks = tuple(
        m.rules.marked(chunk, worker.given) if chunk and m.part_of[k] == part else chunk
        for k, chunk in enumerate(s.chunks)
    )
    return moved(s, at, worker._replace(step=OBEY), "mark the chunk", chunks=chunks)


def publish(m: "Model", s: State, at: int, worker: Worker) -> Step:
    """Publish one result event, from the stored log."""
    delivery = (worker.unacked & -worker.unacked).bit_length() - 1
    log = s.logs[delivery]
    event, why = m.outcome(log), None
    if not event:
        why = "an event for a delivery without a log"
    elif s.published[delivery] not in (0, event):
        why = f"two events that contradict each other: {NAMES[s.published[delivery]]}, {NAMES[event]}"
    elif event != log & 15:
        why = "an event that contradicts its log"
    left = worker._replace(unacked=worker.unacked & ~(1 << delivery))
    published = put(s.published, delivery, event)
    return moved(s, at, left, "publish", NAMES[event], "of delivery", delivery, complaint=why, published=published)


def recover_window(m: "Model", s: State, at: int, worker: Worker) -> Step:
    """Read the logs of the window, and decide on deliveries without a log."""
    resends = "takeover_resends_logged" in m.flaws
    unacked, entries = worker.unacked, []
    for entry in worker.entries:
        if s.logs[entry.delivery] and not resends:
            unacked |= 1 << entry.delivery
            entries.append(entry._replace(answer=STANDS))
        elif worker.taken_over and not resends and _is_lost(m, worker, entry.attempts):
            entries.append(entry._replace(answer=LOST))
        elif worker.taken_over:
            entries.append(entry._replace(doubted=1))
        else:
            entries.append(entry)
    worker = worker._replace(entries=tuple(entries), unacked=unacked)
    again = worker.taken_over and any(entry.answer == TODO for entry in entries) and not worker.stop
    if again and not worker.pauses % 2 and "takeover_unwritten" not in m.flaws:
        worker = worker._replace(step=INTEND)
    else:
        if again and "pause_uncounted" not in m.flaws:  # a released delivery keeps the attempt
            worker = worker._replace(entries=counted_once_more(worker.entries))
        worker = go_on(m, expire(m, s, worker))
    return moved(s, at, worker, "look back at the logs of the window")


def _is_lost(m: "Model", worker: Worker, attempts: int) -> bool:
    exhausted = attempts + 1 >= m.config.attempts
    return bool(exhausted or worker.stop or not m.config.careful)


def log(m: "Model", s: State, at: int, worker: Worker) -> Step:
    """Write one log of an unordered insert_many. If the id exists, the stored log counts."""
    (delivery, outcome), rest = worker.to_log[0], worker.to_log[1:]
    logs, stood = s.logs, s.logs[delivery]
    if not stood or "overwrite_logs" in m.flaws:
        logs = put(logs, delivery, outcome | outcome << 4)
    elif "ordered_insert" in m.flaws:
        rest = ()
    after = worker._replace(step=LOG if rest else ADVANCE, unacked=worker.unacked | 1 << delivery, to_log=rest)
    taken = ("(taken: the standing log counts)",) if logs == s.logs else ()
    why = _logged_wrongly(m, s, delivery, outcome, logs[delivery])
    return moved(s, at, after, "log", delivery, NAMES[outcome], *taken, complaint=why, logs=logs)


def _logged_wrongly(m: "Model", s: State, delivery: int, outcome: int, log: int) -> str | None:
    stood, stands = s.logs[delivery], log & 15
    if stood and log != stood:
        return f"a log went from {NAMES[stood & 15]} to {NAMES[outcome]}"
    if stands in NOT_SENT and s.accepted[delivery] > 0:
        return f"logged {NAMES[stands]}, yet the provider took it"
    if stands == UNKNOWN and not s.exposed[delivery]:
        return "unknown without any doubt"
    if delivery in m.decided and stands != m.decided[delivery]:
        return "decided while expanding, logged otherwise"
    if "publish_own" in m.flaws and stood and (s.published[delivery] not in (0, outcome) or outcome != stood & 15):
        return "an event that contradicts its log"
    if stands == FAILED and "F" not in m.config.answers and "R" not in m.config.answers:
        return "failed, though the provider never said so"
    return None


_ONE = {
    ASK_MARKS: _ask_for_marks,
    MARK_CHUNK: _mark_chunk,
    OBEY: obey_fenced,
    RECOVER_WINDOW: recover_window,
    INTEND: intend_again,
    LOG: log,
}
_SEVERAL = {SEND: send, ADVANCE: advance, LEAVE: leave}
