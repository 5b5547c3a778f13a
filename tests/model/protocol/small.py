"""Small requests: request, part and chunk are one document (consumer/expand/small_requests.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.claim import claim
from tests.model.protocol.state import IDLE, NOBODY, Chunk, Expander, Finisher, Request, State, Step, put
from tests.model.protocol.steps import ANNOUNCE, CALL_LAST, COMMIT

if TYPE_CHECKING:
    from tests.model.model import Model


def is_new(m: "Model", s: State) -> bool:
    """Return whether the record of a small request writes a document."""
    return m.config.small and (not s.request.exists or "small_written_again" in m.flaws)


def accept(m: "Model", s: State, at: int, e: Expander, body: int, chunk: Chunk) -> Iterator[Step]:  # noqa: PLR0917
    """Write the document, and let an idle slot have its claim. Without one, wake the chunk up."""
    request = Request(1, (body + 1,), (1,), (0,), facts=e.facts + 1, secrets=1)
    done = Expander(COMMIT, e.record, e.valid, 0, 0, (0, 0))
    written = s._replace(request=request, chunks=(chunk,), procs=put(s.procs, at, done))
    free = next((j for j, proc in enumerate(written.procs) if proc == IDLE), None)
    if free is not None:
        for claimed in claim(m, written, free, 0):
            yield claimed._replace(label=("small request written and", *claimed.label))
    if m.config.wakes:
        written = written._replace(procs=put(s.procs, at, done._replace(step=CALL_LAST)))
    yield Step(("small request written",), fair=True, after=written)


def flagged(m: "Model", s: State, request: Request) -> State:
    """Return the state after an order marked the request. The same write marks the chunk in its document."""
    (chunk,) = s.chunks if m.config.small else (None,)
    if not chunk:
        return s._replace(request=request)
    if "small_never_parked" in m.flaws:
        marked = chunk._replace(cancelled=request.cancelled, pauses=request.pauses)
    else:
        marked = m.rules.marked(chunk, request.marks)
    return s._replace(request=request, chunks=(marked,))


def completed(s: State, at: int, counts: tuple[int, ...]) -> State:
    """Return the state after the write that closes the chunk: it stores the completion too."""
    request = s.request._replace(completion=counts, secrets=0)
    return s._replace(request=request, procs=put(s.procs, at, Finisher(ANNOUNCE, NOBODY, 0)))
