"""Deliver: the next steps of the owner of a chunk (consumer/deliver/chunk_worker.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.advance import advance, intend_again, obey_fenced
from tests.model.protocol.budget import beyond_log, cost_of, note_takeover, reserve_claimed, settle
from tests.model.protocol.claim import resume_previous_claim
from tests.model.protocol.close_or_release import close, is_done, leave
from tests.model.protocol.providers import has, record_new_intent
from tests.model.protocol.send import asked_in, send
from tests.model.protocol.state import FAILED, LOST, NAMES, NOT_SENT, STANDS, UNKNOWN, Entry, State, Step, Worker, put
from tests.model.protocol.steps import (
    ADVANCE,
    ASK_MARKS,
    INTEND,
    LEAVE,
    LOG,
    MARK_CHUNK,
    OBEY,
    RECOVER_WINDOW,
    RESERVE,
    SEND,
)

if TYPE_CHECKING:
    from tests.model.model import Model


def deliver(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Yield every step that this worker may take."""
    step = worker.step
    if worker.unacked and step in (SEND, ADVANCE, LEAVE) and (m.config.overlap or step != SEND):
        yield publish(m, s, at, worker)
    leaves = step == LEAVE or (step == ADVANCE and is_done(m, s, worker))
    if leaves and not worker.unacked and (settled := list(settle(m, s, at, worker))):
        yield from settled
    elif step == ADVANCE and leaves:  # the close writes the work
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


def _ask_for_marks(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    given, chunk = s.request.marks, s.chunks[worker.chunk]
    known = (int(bool(worker.stop)), worker.pauses)
    asked = worker._replace(given=given)
    if chunk and given != known:
        yield moved(s, at, asked._replace(step=MARK_CHUNK), "ask for marks: there are others")
        return
    for following in resume_previous_claim(m, s, worker):
        yield moved(s, at, following, "ask for marks: the same")


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


def recover_window(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Read the logs of the window, and decide on deliveries without a log."""
    resends = "takeover_resends_logged" in m.flaws
    unacked, entries = worker.unacked, []
    for entry in worker.entries:
        if s.logs[entry.delivery] and not resends:
            unacked |= 1 << entry.delivery
            entries.append(entry._replace(answer=STANDS))
        elif resends:
            entries.append(entry._replace(doubted=worker.taken_over))
        else:
            entries.append(_after_takeover(m, worker, entry))
    worker = note_takeover(m, s, worker._replace(entries=tuple(entries), unacked=unacked))
    permits = s.permits
    if "takeover_gives_permits_back" in m.flaws:
        permits = max(0, permits - sum(entry.answer == LOST for entry in entries))
    for following in record_new_intent(m, s, worker):
        yield moved(s, at, following, "look back at the logs of the window", permits=permits)


def _after_takeover(m: "Model", worker: Worker, entry: Entry) -> Entry:
    """Return a delivery of the window that has no log. A previous owner may have sent it (`apply_takeover`)."""
    if not (worker.taken_over or entry.pinned) or "takeover_is_certain" in m.flaws:
        return entry
    exhausted = worker.taken_over and entry.attempts + 1 >= m.config.attempts
    safe = has(m, worker, entry.provider) and m.config.deduplicates(entry.provider)
    if safe and not worker.stop and not exhausted:
        chosen_again = "takeover_chooses_again" in m.flaws
        return entry if chosen_again else entry._replace(pinned=entry.provider + 1)
    resends = m.config.policy == "resend" or "vanished_is_sent_elsewhere" in m.flaws
    if exhausted or (worker.taken_over and worker.stop) or not resends:
        return entry._replace(answer=LOST)
    return entry._replace(doubted=1)


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
    costs = s.costs
    if costs:
        cost = cost_of(m, worker, delivery, outcome)
        beyond = beyond_log(m, s, delivery, cost) if taken else 0
        after = after._replace(doubts=put(worker.doubts, delivery, beyond))
        costs = costs if taken else put(costs, delivery, cost)
    return moved(s, at, after, "log", delivery, NAMES[outcome], *taken, complaint=why, logs=logs, costs=costs)


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
    if stands == FAILED and "F" not in m.config.answers:
        if "R" not in m.config.answers:
            return "failed, though the provider never said so"
        if m.config.has_route and any(not asked_in(s.asked[delivery], at) for at in range(m.config.attempts)):
            return "failed, though an attempt is left"
    return None


_ONE = {MARK_CHUNK: _mark_chunk, LOG: log}
_SEVERAL = {
    ASK_MARKS: _ask_for_marks,
    OBEY: obey_fenced,
    RECOVER_WINDOW: recover_window,
    RESERVE: reserve_claimed,
    INTEND: intend_again,
    SEND: send,
    ADVANCE: advance,
    LEAVE: leave,
}
