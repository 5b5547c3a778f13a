"""Row 20: a tenant that attacks in every way beside one that does small requests."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tests.torture.attacks.all_attacks import ATTACKS, OVER_HTTP
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
    alone: list[Phase] = []
    beside: list[Phase] = []
    books, memory = Reconciliation(), Counter[str]()
    for pair in range(1 if is_tiny else PAIRS):
        # Each pair has its own services, so that nothing that was begun for the hostile tenant is left beside the next.
        folder = round_.folder / f"pair-{pair}"
        await asyncio.to_thread(folder.mkdir)
        async with hostile_world(replace(round_, folder=folder)) as hostile:
            alone.append(await hostile.good.work(TINY_SECONDS if is_tiny else PHASE_SECONDS))
            async with hostile.attacked_by(OVER_HTTP):
                beside.append(await hostile.good.work(TINY_SECONDS if is_tiny else PHASE_SECONDS))
            async with hostile.attacked_by(list(ATTACKS)):  # for what is lost, doubled or in doubt, and for the memory
                await hostile.good.work(TINY_SECONDS if is_tiny else PHASE_SECONDS / 2)
            found = await hostile.books()
            largest = hostile.memory_mb()
        memory |= Counter(largest)
        found.notes = [f"alone {_said(alone[-1])}", f"beside {_said(beside[-1])}", f"MB {largest}"]
        found.hold(notes=f"answers {dict(hostile.counts)}")
        books = _joined(books, found)
    if not is_tiny:
        _hold_times_and_memory(alone, beside, memory, books)
    return books


def _joined(books: Reconciliation, more: Reconciliation) -> Reconciliation:
    """The books of two pairs, each of which holds."""
    more.requests += books.requests
    more.requested += books.requested
    more.accepted += books.accepted
    more.faults = books.faults + 1
    more.by_status.update(books.by_status)
    more.notes = books.notes + more.notes
    return more


def _said(phase: Phase) -> str:
    return (
        f"p50 {phase.p(0.5) * 1000:.0f} ms, p99 {phase.p(0.99) * 1000:.0f} ms, silence {phase.silence_seconds:.2f} s, "
        f"answers p99 {percentile(phase.answer_seconds, 0.99) * 1000:.0f} ms, refusals {dict(phase.refusals)}"
    )


def _hold_times_and_memory(
    alone: Sequence[Phase], beside: Sequence[Phase], memory: Counter[str], books: Reconciliation
) -> None:
    one, other = (percentile([s for phase in phases for s in phase.seconds], 0.99) for phases in (alone, beside))
    books.notes.append(f"p99 {one * 1000:.0f} ms alone, {other * 1000:.0f} ms beside: {other / one:.1f} times")
    over = [f"{name} {found} MB" for name, found in memory.items() if found > MOST_MB[name.partition("-")[0]]]
    if other > SLOWER * one or over:
        raise DoesNotHold(". ".join([books.notes[-1], *over]), books)
