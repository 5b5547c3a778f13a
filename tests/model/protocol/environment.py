"""Environment of the processes: expired leases, orders of callers, receipts, passing time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.small import flagged
from tests.model.protocol.state import (
    DELIVERED,
    FAILED,
    FRESH,
    GONE,
    LAPSED,
    LIVE,
    NAMES,
    SENT,
    UNKNOWN,
    WOKEN,
    Chunk,
    State,
    Step,
    Worker,
    put,
)
from tests.model.protocol.steps import COUNT, INSERT

if TYPE_CHECKING:
    from tests.model.model import Model


def environment(m: "Model", s: State) -> Iterator[Step]:
    """Yield every step that no consumer takes."""
    for k, chunk in enumerate(s.chunks):
        if chunk:
            yield from _of_chunk(m, s, k, chunk)
    if s.request.exists and not s.request.completion:
        yield from _orders(m, s)
        yield from _parts(m, s)
    if s.env.receipts:
        yield from _receipts(s)
    if m.config.expires and not s.env.expired:
        yield Step(("EXPIRES",), fair=False, after=s._replace(env=s.env._replace(expired=1)))
    if s.env.period + 1 < m.config.periods and s.request.exists:
        env = s.env._replace(period=s.env.period + 1)
        yield Step(("NEXT PERIOD",), fair=True, after=s._replace(env=env, permits=0))
    if m.config.change and s.request.exists and not s.env.changed:
        label = ("PROVIDER 0 IS", m.config.change.upper())
        yield Step(label, fair=False, after=s._replace(env=s.env._replace(changed=1)))


def _of_chunk(m: "Model", s: State, k: int, chunk: Chunk) -> Iterator[Step]:
    if chunk.lease == LIVE:
        lapsed = s._replace(chunks=put(s.chunks, k, chunk._replace(lease=LAPSED)))
        if not any(isinstance(proc, Worker) and proc.chunk == k and proc.valid for proc in s.procs):
            yield Step(("lease of a dead owner ends, chunk", k), fair=True, after=lapsed)
        elif s.env.lapses:
            env = s.env._replace(lapses=s.env.lapses - 1)
            yield Step(("LEASE LAPSES, owner lives, chunk", k), fair=False, after=lapsed._replace(env=env))
    if m.config.wakes and chunk.wake == WOKEN and not chunk.closed and not m.config.orders:
        lost = s._replace(chunks=put(s.chunks, k, chunk._replace(wake=FRESH)))
        yield Step(("WAKE-UP LOST, chunk", k), fair=False, after=lost)
    inserting = any(proc.step == INSERT for proc in s.procs)
    if chunk.closed and m.config.forgets and s.request.announced and not inserting:
        forgotten = s._replace(chunks=put(s.chunks, k, GONE))
        yield Step(("CHUNK DOCUMENT DELETED", k), fair=False, after=forgotten)


def _orders(m: "Model", s: State) -> Iterator[Step]:
    """Yield the steps of an order. It marks the request first, then each chunk, and the caller may die in between."""
    answered, over = 1 + len(s.chunks), 2 + len(s.chunks)
    for at, (order, done) in enumerate(zip(m.config.orders, s.env.orders, strict=True)):
        if done >= answered or (not done and at and not s.env.orders[at - 1]):
            continue
        marks = (1, 0) if order == "cancel" else (0, m.ordered(at))
        if done:
            chunk = s.chunks[done - 1]
            chunks = put(s.chunks, done - 1, m.rules.marked(chunk, marks)) if chunk else s.chunks
            env = s.env._replace(orders=put(s.env.orders, at, done + 1))
            yield Step((order.upper(), "marks chunk", done - 1), fair=True, after=s._replace(chunks=chunks, env=env))
            if s.env.crashes:
                env = s.env._replace(orders=put(s.env.orders, at, over), crashes=s.env.crashes - 1)
                yield Step(("CRASH of who orders", order), fair=False, after=s._replace(env=env))
        elif order == "cancel" or not s.request.cancelled:
            request = s.request._replace(**({"cancelled": 1} if order == "cancel" else {"pauses": marks[1]}))
            if "cancel_only_chunks" in m.flaws:
                request = s.request
            env = s.env._replace(orders=put(s.env.orders, at, 1))
            after = flagged(m, s, request)._replace(env=env)
            yield Step((order.upper(), "marks the request"), fair=False, after=after)


def _parts(m: "Model", s: State) -> Iterator[Step]:
    request = s.request
    if m.config.cut and not request.cut and not all(request.begun):
        cut = s._replace(request=request._replace(cut=1))
        yield Step(("PART TIME-OUT: the request is cut",), fair=False, after=cut)
    if m.config.faults and s.env.offset == len(m.records):
        lost = tuple(int(bool(b) and not c) for b, c in zip(request.begun, request.counted, strict=True))
        at_it = any(INSERT <= proc.step <= COUNT for proc in s.procs)
        if lost != request.lost and any(lost) and not at_it:
            given_up = s._replace(request=request._replace(cut=1, lost=lost))
            yield Step(("what is begun and not counted is given up",), fair=True, after=given_up)


def _receipts(s: State) -> Iterator[Step]:
    env = s.env._replace(receipts=s.env.receipts - 1)
    moves = {SENT: (DELIVERED, FAILED), UNKNOWN: (SENT, DELIVERED, FAILED)}
    for d, log in enumerate(s.logs):
        for status in moves.get(log >> 4, ()):
            logs = put(s.logs, d, log & 15 | status << 4)
            yield Step(("RECEIPT", NAMES[status], "for delivery", d), fair=False, after=s._replace(logs=logs, env=env))
