"""Rules for answers, windows and control flags (core/delivery_outcome.py, core/chunk_work.py)."""

from collections.abc import Iterable

from tests.model.config import Config
from tests.model.protocol.state import (
    CANCELLED,
    EXPIRED,
    FAILED,
    FREE,
    LOST,
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


class Rules:
    """Rules of one configuration with flaws."""

    def __init__(self, config: Config, flaws: frozenset[str]) -> None:
        self._config, self._flaws = config, flaws

    def verdict(self, entry: Entry, stop: int) -> int:
        """Return the outcome of an entry, or 0 if it is tried again or has a log."""
        answer, doubted = entry.answer, entry.doubted and "untainted" not in self._flaws
        if answer == STANDS:
            return 0
        if answer == S:
            return SENT
        if answer == LOST:
            return UNKNOWN
        if answer == STOPPED:
            return UNKNOWN if doubted else stop
        if answer == F:  # a provider that deduplicates would have answered Sent
            return UNKNOWN if doubted and not self._config.deduplicates else FAILED
        if answer == U and not self._config.careful and "uncertain_is_retry" not in self._flaws:
            return UNKNOWN
        if answer in (R, U) and entry.attempts + 1 >= self._config.attempts:
            return UNKNOWN if doubted or answer == U else FAILED
        if stop:
            return UNKNOWN if doubted else stop
        return 0

    def again(self, entries: Iterable[Entry], stop: int) -> tuple[Line, ...]:
        """Return the lines of the deliveries that are tried again."""
        forget = "untainted" in self._flaws
        return tuple(
            Line(e.delivery, e.attempts + (e.answer in (R, U)), 0 if forget else e.doubted)
            for e in entries
            if e.answer in (R, U, Z, PUT_BACK) and not self.verdict(e, stop)
        )

    def held(self, outcome: int) -> bool:
        """Return whether it must be decided in the chunk, by the fenced advance, before it gets a log."""
        return (
            self._config.careful and outcome in (FAILED, CANCELLED, EXPIRED) and "log_failed_first" not in self._flaws
        )

    def held_back(self, entries: Iterable[Entry], stop: int) -> Outcomes:
        """Return the ended deliveries that must be in the chunk before they get a log."""
        return tuple(final for final in self.finals(entries, stop) if self.held(final[1]))

    def finals(self, entries: Iterable[Entry], stop: int) -> Outcomes:
        """Return (delivery, outcome) of the ended deliveries."""
        return tuple((e.delivery, found) for e in entries if (found := self.verdict(e, stop)))

    def stopped(self, chunk: Chunk, stop: int) -> Outcomes:
        """Return the outcome with which a stop ends deliveries outside of windows."""
        lines = [*map(Line, chunk.todo), *chunk.later]
        return tuple((line.delivery, UNKNOWN if line.doubted else stop) for line in lines)

    def pick(self, todo: tuple[int, ...], later: tuple[Line, ...], *, ready: bool) -> tuple[Line, ...]:
        """Return the next window: due retries with the same number of attempts, or else untried deliveries."""
        if ready and later:
            alike = [line for line in later if line.attempts == later[0].attempts]
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
