"""Suppressions and the windows of one delivery (docs/protocol.md, I10).

A window is stored, then the list is read, then the provider is called. An address is added, acknowledged and perhaps
removed at any time. The tenant may have no key before, and each process may remember that for a while. Between any two
steps a process may crash, or lose its chunk and go on as a zombie.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.model.protocol.state import put

SENT, UNKNOWN, FAILED, SUPPRESSED = "sent", "unknown", "failed", "suppressed"
CHECK, SEND, DECIDE, RELEASE, LOG, CLOSE = "check", "send", "decide", "release", "log", "close"
NOBODY, KEYED, LISTED, ACKNOWLEDGED, REMOVED = range(5)
"""Progress of the opt-out: the tenant has no key, has one, has the entry, has answered, has removed the entry."""
NO_WINDOW, EARLY, AFTER = range(3)
"""Open window of the chunk: none, one that opened before the opt-out was acknowledged, and one that opened after."""


@dataclass(frozen=True)
class SuppressionConfig:
    """Bounded world: the policy of the request, and the faults."""

    name: str
    resends: bool = False
    """True with `on_uncertain: resend`, or with a provider that deduplicates."""
    processes: int = 2
    tries: int = 2
    crashes: int = 1
    lapses: int = 1


class Work(NamedTuple):
    """Chunk with the delivery, as it is stored."""

    is_open: bool = True
    window: int = NO_WINDOW
    doubted: bool = False
    decided: str = ""
    """Outcome as not sent that is stored before its log, or an empty text."""
    tries: int = 0


class Deliverer(NamedTuple):
    """Process that owns the chunk, or believes that it does."""

    step: str
    result: str = ""
    doubted: bool = False
    window: int = NO_WINDOW
    is_valid: bool = True


class SuppressionState(NamedTuple):
    """State at one time."""

    work: Work
    log: str
    accepted: int
    """Number of times that the provider took the message, 2 at most."""
    opt_out: int
    remembers: tuple[bool, ...]
    """True for each process that remembers that the tenant has no key."""
    procs: tuple[Deliverer | None, ...]
    crashes: int
    lapses: int


class SuppressionStep(NamedTuple):
    """Possible next step. A fair step happens eventually."""

    label: tuple[object, ...]
    fair: bool
    after: SuppressionState
    complaint: str | None = None


class SuppressionModel:
    """Protocol of suppressions with flaws, as a graph."""

    def __init__(self, config: SuppressionConfig, flaws: tuple[str, ...] = ()) -> None:
        self.config, self.flaws = config, frozenset(flaws)
        nobody = (None,) * config.processes
        remembers = (True,) * config.processes
        self.start = SuppressionState(Work(), "", 0, NOBODY, remembers, nobody, config.crashes, config.lapses)

    def successors(self, s: SuppressionState) -> list[SuppressionStep]:
        """Return every next step."""
        return list(self._steps(s))

    def _steps(self, s: SuppressionState) -> Iterator[SuppressionStep]:
        yield from self._opt_out(s)
        for at, proc in enumerate(s.procs):
            if proc is None:
                if s.work.is_open and not any(each and each.is_valid for each in s.procs):
                    yield SuppressionStep((at, "claim"), True, self._claimed(s, at))
                continue
            yield from self._next(s, at, proc)
            if s.crashes:
                after = s._replace(procs=put(s.procs, at, None), crashes=s.crashes - 1)
                yield SuppressionStep((at, "CRASH before", proc.step), False, after)
            if s.lapses and proc.is_valid:
                procs = put(s.procs, at, proc._replace(is_valid=False))
                after = s._replace(procs=procs, lapses=s.lapses - 1)
                yield SuppressionStep((at, "LAPSE before", proc.step), False, after)

    def _opt_out(self, s: SuppressionState) -> Iterator[SuppressionStep]:
        """Yield the steps of the list. The first addition is acknowledged when every process looks for it."""
        for at, remembers in enumerate(s.remembers):
            if remembers and s.opt_out >= KEYED:
                after = s._replace(remembers=put(s.remembers, at, value=False))
                yield SuppressionStep((at, "READS THE TENANT AGAIN"), True, after)
        waits = s.opt_out == LISTED and any(s.remembers) and "acknowledged_at_once" not in self.flaws
        if s.opt_out < REMOVED and not waits:
            label = ("KEY OF THE TENANT", "ENTRY ADDED", "ACKNOWLEDGED", "ENTRY REMOVED")[s.opt_out]
            yield SuppressionStep((label,), s.opt_out == LISTED, s._replace(opt_out=s.opt_out + 1))

    def _claimed(self, s: SuppressionState, at: int) -> SuppressionState:
        work, window = s.work, AFTER if s.opt_out == ACKNOWLEDGED else EARLY
        if work.decided or s.log:
            return self._at(s, at, Deliverer(LOG, work.decided or s.log))
        if work.window and not self.config.resends:
            return self._at(s, at, Deliverer(LOG, UNKNOWN))
        work = work._replace(doubted=work.doubted or bool(work.window))
        if "check_before_window" in self.flaws:  # the window is stored with the call
            return self._at(s._replace(work=work), at, Deliverer(CHECK, doubted=work.doubted))
        work = work._replace(window=window)
        return self._at(s._replace(work=work), at, Deliverer(CHECK, doubted=work.doubted, window=window))

    @staticmethod
    def _at(s: SuppressionState, at: int, proc: Deliverer | None) -> SuppressionState:
        return s._replace(procs=put(s.procs, at, proc))

    def _next(self, s: SuppressionState, at: int, proc: Deliverer) -> Iterator[SuppressionStep]:
        label = (at, proc.step, proc.result, "zombie" * (not proc.is_valid))
        match proc.step:
            case "check":
                yield SuppressionStep(label, True, self._at(s, at, self._checked(s, at, proc)))
            case "send":
                yield from self._sent(s, at, proc, label)
            case "log":
                log = self._at(s._replace(log=s.log or proc.result), at, proc._replace(step=CLOSE))
                yield SuppressionStep(label, True, log)
            case _:
                yield SuppressionStep(label, True, self._written(s, at, proc))

    def _checked(self, s: SuppressionState, at: int, proc: Deliverer) -> Deliverer:
        is_found = s.opt_out in {LISTED, ACKNOWLEDGED} and not s.remembers[at]
        if not is_found or "only_at_expansion" in self.flaws:
            return proc._replace(step=SEND)
        if proc.doubted and "suppressed_in_doubt" not in self.flaws:
            return proc._replace(step=LOG, result=UNKNOWN)
        return self._not_sent(proc, SUPPRESSED)

    def _not_sent(self, proc: Deliverer, result: str) -> Deliverer:
        """Store an outcome as not sent before it is logged, if another owner may be sending again."""
        careful = self.config.resends and (result != SUPPRESSED or "log_before_chunk" not in self.flaws)
        return proc._replace(step=DECIDE if careful else LOG, result=result)

    def _sent(
        self, s: SuppressionState, at: int, proc: Deliverer, label: tuple[object, ...]
    ) -> Iterator[SuppressionStep]:
        """Yield each answer of the provider."""
        window = proc.window
        if window == NO_WINDOW:
            if not proc.is_valid:
                yield SuppressionStep(label, True, self._at(s, at, None))
                return
            window = AFTER if s.opt_out == ACKNOWLEDGED else EARLY
            s = s._replace(work=s.work._replace(window=window))
        late = window == AFTER and s.opt_out == ACKNOWLEDGED
        why = "a window that opened after an acknowledged opt-out is sent" if late else None
        taken = s._replace(accepted=min(2, s.accepted + 1))
        last = s.work.tries + 1 >= self.config.tries
        doubt = proc._replace(step=RELEASE, result=UNKNOWN, doubted=True)
        if last or not self.config.resends:
            doubt = proc._replace(step=LOG, result=UNKNOWN)
        yield SuppressionStep((*label, "taken"), True, self._at(taken, at, proc._replace(step=LOG, result=SENT)), why)
        yield SuppressionStep((*label, "taken, no answer"), False, self._at(taken, at, doubt), why)
        yield SuppressionStep((*label, "not taken, no answer"), False, self._at(s, at, doubt), why)
        refused = proc._replace(step=RELEASE)
        if last:
            refused = proc._replace(step=LOG, result=UNKNOWN) if proc.doubted else self._not_sent(proc, FAILED)
        yield SuppressionStep((*label, "refused"), False, self._at(s, at, refused), why)

    def _written(self, s: SuppressionState, at: int, proc: Deliverer) -> SuppressionState:
        """Write to the chunk, which only its owner may do."""
        if not proc.is_valid:
            return self._at(s, at, None)
        if proc.step == CLOSE:
            return self._at(s._replace(work=Work(is_open=False)), at, None)
        if proc.step == DECIDE:
            work = s.work._replace(window=NO_WINDOW, decided=proc.result)
            return self._at(s._replace(work=work), at, proc._replace(step=LOG))
        work = Work(doubted=proc.doubted, tries=s.work.tries + 1)
        return self._at(s._replace(work=work), at, None)

    @staticmethod
    def standing(s: SuppressionState) -> str | None:
        """Return a complaint about a state."""
        if s.log in {SUPPRESSED, FAILED} and s.accepted:
            return f"a delivery that was sent ended {s.log}"
        return None

    @staticmethod
    def quiet(s: SuppressionState) -> str | None:
        """Return a complaint about a final state."""
        if any(s.procs) or s.work.is_open:
            return "a process is stuck, or the chunk is never closed"
        if s.opt_out == LISTED:
            return "the opt-out is never acknowledged"
        return None if s.log else "the delivery has no log"


SUPPRESSIONS = (
    SuppressionConfig("suppressions", crashes=2, lapses=2),
    SuppressionConfig("suppressions-resend", resends=True, crashes=2, lapses=2),
    SuppressionConfig("suppressions-resend-three", resends=True, processes=3, tries=3),
)
"""Configurations of suppressions without flaws."""

SHORT_SUPPRESSIONS = (SuppressionConfig("short-suppressions", resends=True),)

SUPPRESSION_FLAWS: dict[str, tuple[str, str]] = {
    "only_at_expansion": ("the list is not read again for a window", "suppressions"),
    "check_before_window": ("the list is read before the window is stored", "suppressions"),
    "acknowledged_at_once": ("the first addition is acknowledged before every process looks for it", "suppressions"),
    "suppressed_in_doubt": ("a delivery that may have been sent ends as suppressed", "suppressions-resend"),
    "log_before_chunk": ("`suppressed` is logged before it is in the chunk", "suppressions-resend"),
}
"""Flaws of suppressions that must be found."""
