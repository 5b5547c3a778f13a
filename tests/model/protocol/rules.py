"""Rules for answers, windows and control flags (core/delivery_outcome.py, core/chunk_work.py)."""

from collections.abc import Iterable

from tests.model.config import Config
from tests.model.protocol.state import (
    CANCELLED,
    ELSEWHERE,
    EXPIRED,
    FAILED,
    FREE,
    LOST,
    MOVED,
    NEXT,
    PUT_BACK,
    SENT,
    STANDS,
    STOPPED,
    UNKNOWN,
    Chunk,
    Entry,
    F,
    Line,
    R,
    S,
    U,
    Z,
)

Outcomes = tuple[tuple[int, int], ...]

ROUND_ENDS = (R, U, ELSEWHERE)
"""Answers that spend the attempt."""
AGAIN = (*ROUND_ENDS, Z, NEXT, MOVED, PUT_BACK)
"""Answers after which a delivery is tried again, unless its attempts are used up."""


class Rules:
    """Rules of one configuration with flaws."""

    def __init__(self, config: Config, flaws: frozenset[str]) -> None:
        self._config, self._flaws = config, flaws

    def verdict(self, entry: Entry, stop: int) -> int:
        """Return the outcome of an entry, or 0 if it is tried again or has a log."""
        answer, doubted = entry.answer, entry.doubted and "untainted" not in self._flaws
        sticky, uncertain = doubted or entry.pinned, answer in (U, ELSEWHERE)
        if answer == STANDS:
            return 0
        if answer == S:
            return SENT
        if answer == LOST:
            return UNKNOWN
        if answer == STOPPED:
            return UNKNOWN if sticky else stop
        if answer == F:  # a provider that deduplicates would have answered Sent
            return UNKNOWN if doubted else FAILED
        if uncertain and not self._config.is_careful(entry.provider) and "uncertain_is_retry" not in self._flaws:
            return UNKNOWN
        spends = answer in ROUND_ENDS and not (answer == R and "round_spends_nothing" in self._flaws)
        if spends and entry.attempts + 1 >= self._config.attempts:
            return UNKNOWN if sticky or uncertain else FAILED
        if stop:
            return UNKNOWN if sticky or uncertain else stop
        return 0

    def again(self, entries: Iterable[Entry], stop: int) -> tuple[Line, ...]:
        """Return the lines of the deliveries that are tried again."""
        return tuple(self._line(e) for e in entries if e.answer in AGAIN and not self.verdict(e, stop))

    def _line(self, entry: Entry) -> Line:
        delivery, attempts, doubted, refused, pinned, provider, answer = entry
        if "untainted" in self._flaws:
            doubted = 0
        if answer in (NEXT, ELSEWHERE) and "refusals_forgotten" not in self._flaws:
            refused |= 1 << provider
        elif answer not in (MOVED, PUT_BACK):  # each wait ends the round
            refused = 0
        if answer == U and self._config.deduplicates(provider) and "unpinned" not in self._flaws:
            pinned = provider + 1
        spends = answer in ROUND_ENDS and not (answer == R and "round_spends_nothing" in self._flaws)
        return Line(delivery, attempts + spends, doubted, refused, pinned)

    def held(self, entry: Entry, outcome: int) -> bool:
        """Return whether it must be decided in the chunk, by the fenced advance, before it gets a log."""
        careful = self._config.is_careful(entry.provider) and "log_failed_first" not in self._flaws
        return careful and outcome in (FAILED, CANCELLED, EXPIRED)

    def held_back(self, entries: Iterable[Entry], stop: int) -> Outcomes:
        """Return the ended deliveries that must be in the chunk before they get a log."""
        return tuple((e.delivery, found) for e in entries if (found := self.verdict(e, stop)) and self.held(e, found))

    def logged_now(self, entries: Iterable[Entry], stop: int) -> Outcomes:
        """Return the ended deliveries that get their logs at once."""
        ended = ((e, found) for e in entries if (found := self.verdict(e, stop)))
        return tuple((e.delivery, found) for e, found in ended if not self.held(e, found))

    def finals(self, entries: Iterable[Entry], stop: int) -> Outcomes:
        """Return (delivery, outcome) of the ended deliveries."""
        return tuple((e.delivery, found) for e in entries if (found := self.verdict(e, stop)))

    def stopped(self, chunk: Chunk, stop: int) -> Outcomes:
        """Return the outcome with which a stop ends deliveries outside of windows."""
        lines = [*map(Line, chunk.todo), *chunk.later]
        return tuple((line.delivery, UNKNOWN if line.doubted or line.pinned else stop) for line in lines)

    def pick(self, todo: tuple[int, ...], later: tuple[Line, ...], *, ready: bool) -> tuple[Line, ...]:
        """Return the next window: due retries with the same attempts and refusals, or else untried deliveries."""
        if ready and later:
            shared = [(line.attempts, line.refused, line.pinned) for line in later]
            alike = [line for line, its in zip(later, shared, strict=True) if its == shared[0]]
            return tuple(alike[: self._config.window])
        return tuple(map(Line, todo[: self._config.window]))

    def marked(self, chunk: Chunk, marks: tuple[int, int]) -> Chunk:
        """Return the chunk with the control flags of its request, unless it is closed."""
        cancelled, pauses = marks
        if chunk.closed:
            return chunk
        if cancelled:
            return chunk._replace(cancelled=1, parked=0)
        if pauses <= chunk.pauses and "unnumbered" not in self._flaws:
            return chunk
        changed = chunk._replace(pauses=pauses)
        parks = "pause_parks_nothing" not in self._flaws
        return changed._replace(parked=int(parks and changed.paused and chunk.lease == FREE))
