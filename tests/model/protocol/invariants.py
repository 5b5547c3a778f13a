"""Invariants of every state, and of final states."""

from typing import TYPE_CHECKING

from tests.model.protocol.budget import wrong_budget
from tests.model.protocol.permits import wrong_permits
from tests.model.protocol.state import IDLE, NAMES, Chunk, State

if TYPE_CHECKING:
    from tests.model.model import Model


def standing(m: "Model", s: State) -> str | None:
    """Return a complaint about a state."""
    if s.request.completion and m.any_open(s.chunks):
        return "a chunk is open after the completion"
    if why := _secrets_left(s) or wrong_permits(m, s) or wrong_budget(m, s):
        return why
    for k, chunk in enumerate(s.chunks):  # I2 at any time, from the chunks alone
        if chunk:
            waiting = len(chunk.window) + len(chunk.todo) + len(chunk.later) + len(chunk.decided)
            if sum(chunk.counts) + waiting != len(m.of_chunk[k]):
                return f"chunk {k}: the sum over its states is not its total"
    if order := m.barred(s):
        for record in range(s.env.offset):
            for k in m.chunks_of[m.records[record][0]]:
                chunk = s.chunks[k]
                if chunk and not chunk.closed and not (chunk.cancelled or (order == "pause" and chunk.paused)):
                    return f"{order} answered and the part expanded, yet chunk {k} is not marked"
    return None


def _secrets_left(s: State) -> str | None:
    """Return a complaint about secret variables that nobody needs any more (I9)."""
    if s.request.completion and s.request.secrets:
        return "the request is completed, and its secret variables are left"
    for k, chunk in enumerate(s.chunks):
        if chunk and chunk.secrets & ~chunk.without_outcome:
            return f"chunk {k} has the secret variables of a delivery that is not sent any more"
    return None


def quiet(m: "Model", s: State) -> str | None:
    """Return a complaint about a final state."""
    if any(proc != IDLE for proc in s.procs):
        return "a process is stuck"
    if s.env.offset != len(m.records):
        return "a record is never committed"
    refused = s.done[1].bit_count()
    # A record that is read twice may be expanded once and refused once, if only one of the readings meets a fault.
    too_much = refused > m.config.rejected and not m.config.faults
    if (refused < m.config.rejected or too_much) and not s.request.cut:
        return "request.rejected is missing or too much"
    if any(s.request.lost) and not refused:
        return "a part is given up, yet nobody was told"
    paused = s.request.pauses % 2 and not s.request.cancelled
    for k, chunk in enumerate(s.chunks):
        if why := _unfinished(m, s, k, chunk):
            return why
        if chunk and chunk.parked and not chunk.closed and not paused:
            return f"chunk {k} is parked, yet the request is not paused"
    waits = paused and m.any_open(s.chunks)
    return "request.completed never comes" if any(s.request.begun) and not s.done[0] and not waits else None


def _unfinished(m: "Model", s: State, k: int, chunk: Chunk | None) -> str | None:
    part = m.part_of[k]
    if not s.request.begun[part] or (chunk is None and s.request.lost[part]) or (chunk and chunk.parked):
        return None
    if chunk is None or (chunk and not chunk.closed):
        return f"chunk {k} is never closed"
    for d in m.of_chunk[k]:
        outcome = s.logs[d] & 15
        if not outcome:
            return f"delivery {d} is not accounted for"
        if s.published[d] != outcome:
            return f"delivery {d} is logged {NAMES[outcome]}, its event is {NAMES[s.published[d]]}"
    return None
