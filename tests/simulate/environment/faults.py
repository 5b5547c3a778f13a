"""Faults at steps, drawn by the seed, and the number of times that each step met each fault."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.simulate.seeds import REGRESSIONS

STEPS = (
    "register_part",
    "find_duplicates",
    "insert",
    "wake",
    "accepted",
    "mark_part_expanded",
    "commit",
    "dead_letter",
    "rejected",
    "claim",
    "claim_due",
    "commit_wake_up",
    "get",
    "renew",
    "send",
    "log",
    "recover_window",
    "publish",
    "advance",
    "release",
    "close",
    "has_open",
    "tally",
    "complete",
    "announce",
    "mark_completion_published",
    "take_unfinished",
    "lag",
    "close_intake",
    "write_off_lost_parts",
    "cancel",
    "mark",
    "pause",
    "resume",
    "set_pause_count",
    "count_in_open_windows",
    "control_flags",
    "choose",
    "resend",
    "reserve_resends",
    "erase",
    "delete",
)
"""Named steps of docs/protocol.md, and the reads in between."""


class Fault(StrEnum):
    """Faults of a process at a step."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    ANSWER_LOST = "answer lost"
    FROZEN = "frozen"
    UNAVAILABLE = "unavailable"
    LATE = "late"
    GHOST = "done after death"


TABLE = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.ANSWER_LOST, Fault.FROZEN)
"""Columns in which no cell may stay empty."""
CELLS = tuple((step, fault) for step in STEPS for fault in TABLE)
RECEIPT_STEPS = ("settle", "keep", "publish_receipt", "commit_receipt", "claim_kept", "delete_kept", "postpone")
"""Named steps that only a world with receipts has."""
RECEIPT_CELLS = tuple((step, fault) for step in RECEIPT_STEPS for fault in TABLE)
RECEIPT_SHARE = 0.25
"""Share of the worlds whose vendors report what became of messages."""


def receipt_cell(seed: int) -> tuple[str, Fault] | None:
    """Return the cell of receipts that the world of a seed aims at, or None if it has no receipts.

    It has numbers of its own, so that all other worlds stay what they were. So do the seeds that found a bug.
    """
    rng = random.Random(f"vendors report of {seed}")
    return rng.choice(RECEIPT_CELLS) if rng.random() < RECEIPT_SHARE and seed not in REGRESSIONS else None


class Coverage:
    """Number of times that each step met each fault."""

    def __init__(self) -> None:
        self.hits: Counter[tuple[str, Fault]] = Counter()
        self.steps: Counter[str] = Counter()

    def add(self, other: "Coverage") -> None:
        self.hits.update(other.hits)
        self.steps.update(other.steps)

    def empty(self) -> list[tuple[str, Fault]]:
        """Return the empty cells."""
        return [cell for cell in (*CELLS, *RECEIPT_CELLS) if not self.hits[cell]]

    def table(self) -> str:
        """Return the whole table, one line for each step."""
        named = (*STEPS, *RECEIPT_STEPS)
        names = [*named, *sorted(self.steps.keys() - set(named))]
        head = f"{'step':16}{'passed':>9}" + "".join(f"{fault.value:>18}" for fault in Fault)
        lines = [
            f"{name:16}{self.steps[name]:9}" + "".join(f"{self.hits[name, fault] or '.':>18}" for fault in Fault)
            for name in names
        ]
        return "\n".join((head, *lines))


@dataclass
class Aim:
    """Fault that happens once, after the step has passed some times."""

    step: str
    fault: Fault
    left: int

    def passed(self) -> Fault | None:
        """Note that the step is passed. Return the fault if it happens now."""
        self.left -= 1
        return self.fault if self.left == -1 else None


class Faults:
    """Faults of one world: one that its seed aims at, and a limited number of random ones."""

    def __init__(self, seed: int, rng: random.Random, coverage: Coverage, spared: Iterable[Fault] = ()) -> None:
        self._random, self._coverage = rng.random, coverage
        self.aimed = CELLS[seed % len(CELLS)]
        self._aims = [Aim(*self.aimed, rng.choice((0, 0, 0, 1, 2, 5)))]
        if cell := receipt_cell(seed):
            self._aims.append(Aim(*cell, seed % 3))
        chosen = [fault for fault in Fault if fault not in spared and rng.random() < 0.5]
        self._kinds = chosen
        self._often = rng.choice((0.0, 0.003, 0.01, 0.03, 0.08)) if chosen else 0.0
        self._left = rng.choice((2, 5, 12))
        self.enabled = True

    def at(self, step: str) -> Fault | None:
        """Draw the fault of this step."""
        self._coverage.steps[step] += 1
        if not self.enabled:
            return None
        for aim in self._aims:
            if step == aim.step and (fault := aim.passed()):
                return fault
        if self._left and self._often and self._random() < self._often:
            self._left -= 1
            return self._kinds[int(self._random() * len(self._kinds))]
        return None

    def begin_again(self, kinds: Sequence[Fault]) -> None:
        """Allow a few more faults of these kinds."""
        self._kinds, self._often, self._left, self.enabled = list(kinds), 0.05, 3, True

    def happened(self, step: str, fault: Fault) -> None:
        """Note that the fault happened."""
        self._coverage.hits[step, fault] += 1
