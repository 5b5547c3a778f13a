"""Running rows: each round with a seed of its own, and whatever it raises told as what does not hold."""

import random
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from devstack import Stack
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.report import Found
from tests.torture.row_registry import Row
from tests.torture.world import Round


@dataclass(frozen=True)
class Size:
    """How large a round is."""

    recipients: int
    times: int
    largest: int


TINY = Size(recipients=600, times=1, largest=250)
SHORT = Size(recipients=3_000, times=3, largest=1_500)
LONG = Size(recipients=60_000, times=10, largest=50_000)


@dataclass(frozen=True)
class Torture:
    """One run: rows and rounds share a seed, a size and the stack that is not ruined."""

    seed: str
    size: Size
    stack: Stack
    folder: Path
    """Where each round keeps what its services wrote."""

    async def run(self, row: Row, number: int) -> Found:
        """One round of a row."""
        seed, folder = f"{self.seed}:{row.number}.{number}", self.folder / f"row-{row.number}-round-{number}"
        folder.mkdir(parents=True)
        size = self.size
        round_ = Round(number, self.stack, folder, random.Random(seed), size.recipients, size.times, size.largest)
        began = time.monotonic()
        try:
            books, broken = await row.run(round_), None
        except Exception as error:  # noqa: BLE001  # whatever a round raises is what does not hold
            (folder / "broken.txt").write_text("".join(traceback.format_exception(error)))
            books, broken = _said(error)
            broken += f" (kept in {folder})"
        return Found(row, number, seed, time.monotonic() - began, books, broken)


def _said(error: BaseException) -> tuple[Reconciliation | None, str]:
    """The books, where there are any, and why they do not hold."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, DoesNotHold):
        return error.books, str(error)
    return None, f"{type(error).__name__}: {error}"
