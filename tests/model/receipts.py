"""Receipts of one delivery, from the record to the offset (docs/protocol.md, "Settle").

Each record has a partition of its own, so that any two consumers may have receipts of the delivery at the same time, in
any order. Between any two steps a process may crash, or lose its partition or its claim and go on as a zombie. The
outcome of the delivery is logged at any time, so that a receipt may come before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.model.protocol.state import put

SENT, UNKNOWN, DELIVERED, FAILED = "sent", "unknown", "delivered", "failed"
FORWARD = {(SENT, DELIVERED), (SENT, FAILED), (UNKNOWN, SENT), (UNKNOWN, DELIVERED), (UNKNOWN, FAILED)}
ENDS = {DELIVERED, FAILED}
FIND, MOVE, KEEP, PUBLISH, FINISH, LATE = "find", "move", "keep", "publish", "finish", "publish too late"
FREE, CLAIMED = 1, 2
"""Kept receipt that no process has, and one that a sweeper has. 0: it is not kept."""


@dataclass(frozen=True)
class ReceiptConfig:
    """Bounded world: the receipts of a delivery, its outcome, and the faults."""

    name: str
    receipts: tuple[str, ...]
    """Statuses. One that begins with "!" is of a provider that has no such delivery."""
    outcome: str = SENT
    processes: int = 2
    crashes: int = 1
    lapses: int = 1


class Log(NamedTuple):
    """Log of the delivery, as it is stored or was read."""

    status: str
    settled_by: int = -1
    """Number of the receipt that moved it last, or -1."""


class Settler(NamedTuple):
    """Process that settles a receipt."""

    step: str
    record: int
    is_kept: bool
    """True if the sweeper has claimed it. False if it comes from the topic."""
    is_valid: bool = True
    """False after the partition or the claim went to another process."""
    seen: Log | None = None


class ReceiptState(NamedTuple):
    """State at one time."""

    log: Log | None
    kept: tuple[int, ...]
    committed: tuple[int, ...]
    events: tuple[tuple[str, int], ...]
    """Different events that were published: the status, and the receipt that it was published for."""
    procs: tuple[Settler | None, ...]
    crashes: int
    lapses: int


class ReceiptStep(NamedTuple):
    """Possible next step. A fair step happens eventually."""

    label: tuple[object, ...]
    fair: bool
    after: ReceiptState
    complaint: str | None = None


class ReceiptModel:
    """Protocol of receipts with flaws, as a graph."""

    def __init__(self, config: ReceiptConfig, flaws: tuple[str, ...] = ()) -> None:
        self.config, self.flaws = config, frozenset(flaws)
        self.statuses = [each.removeprefix("!") for each in config.receipts]
        self.is_foreign = [each.startswith("!") for each in config.receipts]
        none = (0,) * len(config.receipts)
        self.start = ReceiptState(None, none, none, (), (None,) * config.processes, config.crashes, config.lapses)

    def successors(self, s: ReceiptState) -> list[ReceiptStep]:
        """Return every next step."""
        return list(self._steps(s))

    def _steps(self, s: ReceiptState) -> Iterator[ReceiptStep]:
        if s.log is None:
            yield ReceiptStep(("logged as", self.config.outcome), True, s._replace(log=Log(self.config.outcome)))
        idle = next((at for at, proc in enumerate(s.procs) if proc is None), None)
        if idle is not None:
            yield from self._begins(s, idle)
        for at, proc in enumerate(s.procs):
            if proc is None:
                continue
            yield self._next(s, at, proc)
            if s.crashes:
                gone = self._released(s, proc)._replace(procs=put(s.procs, at, None), crashes=s.crashes - 1)
                yield ReceiptStep(("CRASH before", proc.step, proc.record), False, gone)
            if s.lapses and proc.is_valid:
                procs = put(s.procs, at, proc._replace(is_valid=False))
                yield ReceiptStep(
                    ("LAPSE before", proc.step, proc.record),
                    False,
                    self._released(s, proc)._replace(procs=procs, lapses=s.lapses - 1),
                )

    def _begins(self, s: ReceiptState, at: int) -> Iterator[ReceiptStep]:
        held = {(proc.record, proc.is_kept) for proc in s.procs if proc and proc.is_valid}
        for record, committed in enumerate(s.committed):
            if not committed and (record, False) not in held:
                yield ReceiptStep(("read", record), True, self._at(s, at, Settler(FIND, record, is_kept=False)))
            if s.kept[record] == FREE:
                claimed = s._replace(kept=put(s.kept, record, CLAIMED))
                after = self._at(claimed, at, Settler(FIND, record, is_kept=True))
                yield ReceiptStep(("claim", record), s.log is not None, after)

    @staticmethod
    def _at(s: ReceiptState, at: int, proc: Settler | None) -> ReceiptState:
        return s._replace(procs=put(s.procs, at, proc))

    @staticmethod
    def _released(s: ReceiptState, proc: Settler) -> ReceiptState:
        """Let the claim of a process end."""
        is_mine = proc.is_kept and proc.is_valid and s.kept[proc.record] == CLAIMED
        return s._replace(kept=put(s.kept, proc.record, FREE)) if is_mine else s

    def _next(self, s: ReceiptState, at: int, proc: Settler) -> ReceiptStep:
        label, complaint = (proc.step, proc.record, "zombie" * (not proc.is_valid)), None
        match proc.step:
            case "find":
                after = self._at(s, at, self._found(s.log, proc))
            case "move":
                after, complaint = self._moved(s, at, proc)
            case "keep":
                kept = s if s.kept[proc.record] else s._replace(kept=put(s.kept, proc.record, FREE))
                after = self._at(kept, at, proc._replace(step=FINISH))
            case "publish":
                after = self._published(s, at, proc)
                if "finish_before_event" in self.flaws:
                    after = self._at(self._finished(s, at, proc), at, proc._replace(step=LATE))
            case "publish too late":
                after = self._at(self._published(s, at, proc), at, None)
            case _:
                after = self._finished(s, at, proc)
        return ReceiptStep(label, True, after, complaint)

    def _found(self, log: Log | None, proc: Settler) -> Settler:
        """Return what a process does next with the log that it has read."""
        receipt = proc.record
        if self.is_foreign[receipt] and "foreign_accepted" not in self.flaws:
            return proc._replace(step=FINISH)
        if log is None:
            keeps = not proc.is_kept and "early_dropped" not in self.flaws
            return proc._replace(step=KEEP if keeps else FINISH)
        forward = FORWARD | ({(DELIVERED, SENT), (DELIVERED, FAILED)} if "moves_backward" in self.flaws else set())
        if (log.status, self.statuses[receipt]) in forward:
            return proc._replace(step=MOVE, seen=log)
        return proc._replace(step=self._after_move(log, receipt, moved_now=False), seen=log)

    def _after_move(self, log: Log, receipt: int, *, moved_now: bool) -> str:
        mine = log.settled_by == receipt and (moved_now or "own_id_forgotten" not in self.flaws)
        if "event_of_any" in self.flaws:
            mine = mine or log.settled_by >= 0
        has_event = log.status in ENDS or ("sent_publishes" in self.flaws and log.settled_by >= 0)
        return PUBLISH if mine and has_event else FINISH

    def _moved(self, s: ReceiptState, at: int, proc: Settler) -> tuple[ReceiptState, str | None]:
        log, status = s.log, self.statuses[proc.record]
        if log is None or proc.seen is None:
            raise AssertionError("a move without a log")
        if log.status != proc.seen.status and "unconditional_move" not in self.flaws:
            return self._at(s, at, proc._replace(step=FIND, seen=None)), None
        moved = Log(status, proc.record)
        step = self._after_move(moved, proc.record, moved_now=True)
        complaint = None if (log.status, status) in FORWARD else f"the status goes from {log.status} to {status}"
        return self._at(s._replace(log=moved), at, proc._replace(step=step, seen=moved)), complaint

    def _published(self, s: ReceiptState, at: int, proc: Settler) -> ReceiptState:
        log = proc.seen
        if log is None:
            raise AssertionError("an event without a log")
        events = tuple(sorted({*s.events, (log.status, proc.record)}))
        return self._at(s._replace(events=events), at, proc._replace(step=FINISH))

    def _finished(self, s: ReceiptState, at: int, proc: Settler) -> ReceiptState:
        """Commit the offset, delete a kept receipt that is done, or put one back that still has no log."""
        waits = proc.seen is None and not self.is_foreign[proc.record]
        if proc.is_kept and waits:
            return self._at(self._released(s, proc), at, None)
        if proc.is_kept:
            s = s._replace(kept=put(s.kept, proc.record, 0))
        elif proc.is_valid:
            s = s._replace(committed=put(s.committed, proc.record, 1))
        return self._at(s, at, None)

    def standing(self, s: ReceiptState) -> str | None:
        """Return a complaint about a state."""
        if len(s.events) > 1:
            return f"there are two receipt events: {s.events}"
        if any(status not in ENDS for status, _ in s.events):
            return "a receipt event tells no end"
        if s.log and s.log.settled_by >= 0 and self.is_foreign[s.log.settled_by]:
            return "a receipt of another provider moved the log"
        for record, status in enumerate(self.statuses):
            if s.committed[record] and not s.kept[record] and not self.is_foreign[record]:
                if s.log is None or (s.log.status, status) in FORWARD:
                    return f"receipt {record} is done, and had no effect"
                if s.log.settled_by == record and s.log.status in ENDS and not s.events:
                    return f"receipt {record} is done, and its event is not published"
        return None

    def quiet(self, s: ReceiptState) -> str | None:
        """Return a complaint about a final state."""
        if any(s.procs) or not all(s.committed) or any(s.kept):
            return "a process is stuck, or a receipt is never done"
        is_ended = s.log is not None and s.log.settled_by >= 0 and s.log.status in ENDS
        return "an end has no event, or an event has no end" if is_ended != bool(s.events) else None


RECEIPTS = (
    ReceiptConfig("receipts-two-ends", (DELIVERED, FAILED), crashes=2, lapses=2),
    ReceiptConfig("receipts-twice", (DELIVERED, DELIVERED), crashes=2, lapses=2),
    ReceiptConfig("receipts-unknown", (SENT, DELIVERED), outcome=UNKNOWN, crashes=2, lapses=2),
    ReceiptConfig("receipts-unknown-three", (SENT, DELIVERED, FAILED), outcome=UNKNOWN),
    ReceiptConfig("receipts-foreign", (DELIVERED, "!failed"), crashes=2),
    ReceiptConfig("receipts-three-processes", (DELIVERED, FAILED), processes=3, crashes=0),
)
"""Configurations of receipts without flaws."""

SHORT_RECEIPTS = (ReceiptConfig("short-receipts", (DELIVERED, FAILED)),)

RECEIPT_FLAWS: dict[str, tuple[str, str]] = {
    "finish_before_event": ("a receipt is done before its event is acknowledged", "receipts-two-ends"),
    "own_id_forgotten": ("a record that is read again counts as another receipt", "receipts-two-ends"),
    "event_of_any": ("a receipt that moved nothing publishes the event", "receipts-twice"),
    "unconditional_move": ("a log is moved whatever its status is by now", "receipts-two-ends"),
    "moves_backward": ("a log that is delivered is moved", "receipts-unknown"),
    "sent_publishes": ("a move from unknown to sent publishes an event", "receipts-unknown"),
    "early_dropped": ("a receipt without a log is done", "receipts-twice"),
    "foreign_accepted": ("a receipt of another provider moves the log", "receipts-foreign"),
}
"""Flaws of receipts that must be found."""
