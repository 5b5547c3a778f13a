"""Row 20: a tenant that attacks in every way beside one that does small requests."""

from collections.abc import Sequence

from tests.torture.attacks.all_attacks import ATTACKS
from tests.torture.attacks.beside import hostile_world
from tests.torture.good_tenant import Phase, percentile
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.world import Round

TINY_SECONDS, PHASE_SECONDS = 2.0, 25.0
PAIRS = 2
SLOWER = 3.0
"""The p99 beside the hostile tenant may be so many times the p99 alone."""
MOST_MB = {"producer": 250, "consumer": 150}


@row(
    20,
    "a hostile tenant beside a good one: heavy texts, endless reply topics, slow bodies, unread answers, floods",
    "the good one loses nothing, and its p99 is at most 3 times its p99 alone; producer 250 MB, consumer 150 MB",
)
async def hostile_tenant(round_: Round) -> Reconciliation:
    is_tiny = round_.times == 1
    alone, beside = [], []
    async with hostile_world(round_) as hostile:
        for _ in range(1 if is_tiny else PAIRS):
            alone.append(await hostile.good.work(TINY_SECONDS if is_tiny else PHASE_SECONDS))
            async with hostile.attacked_by(list(ATTACKS)):
                beside.append(await hostile.good.work(TINY_SECONDS if is_tiny else PHASE_SECONDS))
            if not is_tiny:
                await hostile.drained()
        books = await hostile.books()
        memory = hostile.memory_mb()
    books.faults = hostile.attacks
    books.hold(notes=f"alone {_said(alone)}; beside {_said(beside)}; MB {memory}; answers {dict(hostile.counts)}")
    if not is_tiny:
        _hold_times(alone, beside, books)
        _hold_memory(memory, books)
    return books


def _said(phases: Sequence[Phase]) -> str:
    return ", ".join(
        f"p50 {phase.p(0.5) * 1000:.0f} ms, p99 {phase.p(0.99) * 1000:.0f} ms, silence {phase.silence_seconds:.2f} s"
        for phase in phases
    )


def _hold_times(alone: Sequence[Phase], beside: Sequence[Phase], books: Reconciliation) -> None:
    one, other = (percentile([s for phase in phases for s in phase.seconds], 0.99) for phases in (alone, beside))
    books.notes.append(f"p99 {one * 1000:.0f} ms alone, {other * 1000:.0f} ms beside: {other / one:.1f} times")
    if other > SLOWER * one:
        raise DoesNotHold(books.notes[-1], books)


def _hold_memory(memory: dict[str, int], books: Reconciliation) -> None:
    over = [f"{name} {found} MB" for name, found in memory.items() if found > MOST_MB[name.partition("-")[0]]]
    if over:
        raise DoesNotHold(f"more memory than promised: {', '.join(over)}", books)
