"""Choice of the provider of a window, and the check of a claimed window (consumer/provider_choice.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.state import TODO, Entry, Line, State, Worker
from tests.model.protocol.steps import INTEND, RESERVE, SEND
from tests.model.protocol.worker import expire, go_on

if TYPE_CHECKING:
    from tests.model.model import Model


def able(m: "Model", known: int) -> tuple[int, ...]:
    """Return the providers of the route, as a claim knows them. A changed provider is another one.

    With a bare name it would look like the old one.
    """
    number = len(m.config.providers)
    if not known or (m.config.change == "changed" and "changed_is_the_same" in m.flaws):
        return tuple(range(number))
    return tuple(range(1, number)) if m.config.change == "gone" else (number, *range(1, number))


def has(m: "Model", worker: Worker, provider: int) -> bool:
    """Return whether a worker can call a provider."""
    return provider in able(m, worker.known)


def choices(m: "Model", line: Line | Entry, known: int) -> tuple[int, ...]:
    """Return the providers that may be chosen for a delivery: with breakers any, and otherwise the first one.

    A breaker may be open for any provider. If all of them are open, one that may take calls later is chosen.
    """
    if line.pinned:
        return (line.pinned - 1,)
    names = able(m, known)
    names = tuple(name for name in names if not line.refused >> name & 1) or names
    return names if "B" in m.config.answers else names[:1]


def first_choices(m: "Model", line: Line, changed: int) -> tuple[int, ...]:
    """Return the providers that may have been chosen for the first window of a claim, before it or long ago."""
    return tuple({name: 0 for known in range(changed + 1) for name in choices(m, line, known)})


def others(m: "Model", worker: Worker, entry: Entry) -> bool:
    """Return whether another provider has not refused a delivery, so that it may take its turn."""
    asked = entry.refused | 1 << entry.provider
    return any(not asked >> name & 1 for name in able(m, worker.known))


def sent_with(entries: tuple[Entry, ...], provider: int) -> tuple[Entry, ...]:
    """Return the entries of a window with this provider."""
    return tuple(entry._replace(provider=provider) for entry in entries)


def targets(m: "Model", worker: Worker) -> tuple[int, ...]:
    """Return the providers that the window may be written with once more, before it is sent."""
    entry = next(entry for entry in worker.entries if entry.answer == TODO)
    if worker.taken_over and has(m, worker, entry.provider) and "takeover_chooses_again" not in m.flaws:
        return (entry.provider,)
    found = choices(m, entry, worker.known)
    return tuple(name for name in found if worker.taken_over or name != entry.provider) or (entry.provider,)


def record_new_intent(m: "Model", s: State, worker: Worker) -> Iterator[Worker]:
    """Yield the worker of a claim before it sends the first window.

    It writes the window again if an attempt was lost, or if its provider is not there or takes no calls.
    """
    again = worker.taken_over and any(entry.answer == TODO for entry in worker.entries) and not worker.stop
    before_send = INTEND if m.config.budget is None or "reserves_after_call" in m.flaws else RESERVE
    if again and not worker.pauses % 2 and "takeover_unwritten" not in m.flaws:
        yield worker._replace(step=before_send, first=0)
        return
    if again and "pause_uncounted" not in m.flaws:  # a released delivery keeps the attempt
        worker = worker._replace(entries=counted_once_more(worker.entries))
    checks, worker = worker.first, go_on(m, expire(m, s, worker._replace(first=0)))
    if checks and worker.step == SEND and not worker.taken_over:
        yield from _checked(m, worker) if m.config.budget is None else [worker._replace(step=before_send)]
    else:
        yield worker


def _checked(m: "Model", worker: Worker) -> Iterator[Worker]:
    entry = next(entry for entry in worker.entries if entry.answer == TODO)
    found, is_there = targets(m, worker), has(m, worker, entry.provider)
    is_asked = entry.pinned or not entry.refused >> entry.provider & 1
    if (is_there and is_asked) or found == (entry.provider,):
        yield worker
    if found == (entry.provider,) or entry.pinned:
        return
    if "B" in m.config.answers or not (is_there and is_asked):
        if "correction_unwritten" in m.flaws:
            for name in found:
                yield worker._replace(entries=sent_with(worker.entries, name))
        else:
            yield worker._replace(step=INTEND)


def counted_once_more(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return the entries with the attempt of a previous owner, which may have crashed because of them."""
    return tuple(e._replace(attempts=e.attempts + (e.answer == TODO)) for e in entries)
