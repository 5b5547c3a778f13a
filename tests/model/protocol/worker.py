"""Decisions of a worker: its next step, and the effect of control flags and of the time."""

from typing import TYPE_CHECKING

from tests.model.protocol.state import (
    CANCELLED,
    EXPIRED,
    LIVE,
    PUT_BACK,
    STOPPED,
    TODO,
    Chunk,
    Process,
    State,
    Worker,
)
from tests.model.protocol.steps import ADVANCE, LEAVE, LOG, SEND, WORKING

if TYPE_CHECKING:
    from tests.model.model import Model


def disowned(proc: Process, k: int) -> Process:
    """Return the process after another owner claimed the chunk."""
    if isinstance(proc, Worker) and proc.chunk == k and proc.valid and proc.step in WORKING:
        return proc._replace(valid=0)
    return proc


def obey(m: "Model", worker: Worker, chunk: Chunk, marks: tuple[int, int]) -> Worker:
    """Apply the control flags that a write returned."""
    cancelled, pauses = marks
    worker = worker._replace(pauses=0 if cancelled else pauses)
    if cancelled and not worker.stop and "ignores_cancel" not in m.flaws:
        worker = worker._replace(stop=CANCELLED, to_log=worker.to_log + m.rules.stopped(chunk, CANCELLED))
    return worker


def expire(m: "Model", s: State, worker: Worker) -> Worker:
    """Apply a passed `expires_at`, unless the worker may have lost the chunk."""
    chunk = s.chunks[worker.chunk]
    if not s.env.expired or worker.stop or "expiry_ignored" in m.flaws:
        return worker
    late = "zombie_expires" in m.flaws
    if not chunk or not (late or (worker.valid and chunk.lease == LIVE)):
        return worker
    if "expiry_stops_window" in m.flaws and worker.taken_over:
        worker = worker._replace(taken_over=0)
    return worker._replace(stop=EXPIRED, to_log=worker.to_log + m.rules.stopped(chunk, EXPIRED))


def go_on(m: "Model", worker: Worker) -> Worker:
    """Return the worker with its next action after a window: send, log, advance, or close or release."""
    entries = worker.entries
    paused = worker.pauses % 2 and "pause_ignored" not in m.flaws
    if worker.stop or paused:
        instead = STOPPED if worker.stop else PUT_BACK
        entries = tuple(e._replace(answer=instead) if e.answer == TODO else e for e in entries)
    if any(entry.answer == TODO for entry in entries):
        return worker._replace(step=SEND, entries=entries)
    known = {delivery for delivery, _ in worker.to_log}
    ended = [final for final in m.rules.logged_now(entries, worker.stop) if final[0] not in known]
    to_log = (*worker.to_log, *ended)
    step = LOG if to_log else ADVANCE if entries else LEAVE
    return worker._replace(step=step, entries=entries, to_log=to_log)
