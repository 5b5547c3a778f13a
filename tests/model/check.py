"""Breadth-first search over all states."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

S = TypeVar("S", bound=tuple[Any, ...])


class Next(Protocol[S]):
    """Possible next step. A fair step happens eventually. The others may never happen."""

    @property
    def label(self) -> tuple[object, ...]: ...
    @property
    def fair(self) -> bool: ...
    @property
    def after(self) -> S: ...
    @property
    def complaint(self) -> str | None: ...


class Graph(Protocol[S]):
    """Protocol as a graph of states."""

    start: S

    def successors(self, state: S, /) -> Sequence[Next[S]]: ...
    def standing(self, state: S, /) -> str | None: ...
    def quiet(self, state: S, /) -> str | None: ...


class Verdict(NamedTuple):
    """Result of a search."""

    states: int
    seconds: float
    complaint: str | None
    trace: list[str]
    ended: bool
    """True if every state was visited, or a complaint was found."""


def check(model: Graph[S], limit: int) -> Verdict:
    """Visit every reachable state, up to a limit. Return the complaint with the fewest steps."""
    began, start = time.monotonic(), model.start
    parent: dict[int, int | None] = {hash(start): None}
    queue, shared = deque([(hash(start), start)]), {}

    def found(complaint: str | None, trace: list[str], *, ended: bool = True) -> Verdict:
        return Verdict(len(parent), time.monotonic() - began, complaint, trace, ended)

    while queue:
        key, state = queue.popleft()
        any_fair = False
        for step in model.successors(state):
            any_fair = any_fair or step.fair
            new, why = hash(step.after), step.complaint
            if why is None and new in parent:
                continue
            if new not in parent:
                parent[new] = key
                why = why or model.standing(step.after)
            if why:
                return found(why, trace_to(model, parent, key, step.after))
            queue.append((new, type(step.after)(*(shared.setdefault(part, part) for part in step.after))))
        if not any_fair and (why := model.quiet(state)):
            return found("at rest: " + why, trace_to(model, parent, key, None))
        if len(parent) > limit:
            return found(None, [], ended=False)
    return found(None, [])


def trace_to(model: Graph[S], parent: dict[int, int | None], key: int, last: S | None) -> list[str]:
    """Return the steps to a state, from the stored keys."""
    keys: list[int] = []
    at: int | None = key
    while at is not None:
        keys.append(at)
        at = parent[at]
    state, lines = model.start, []
    for wanted in reversed(keys[:-1]):
        step = next(step for step in model.successors(state) if hash(step.after) == wanted)
        state = step.after
        lines.append(" ".join(map(str, step.label)))
    if last is not None:
        step = next(step for step in model.successors(state) if step.after == last)
        lines.append(" ".join(map(str, step.label)))
    return lines
