"""Whatever several workers do in whatever order, I2 and I3 hold and every call is answered as the shadow says."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.ports import Ledger
from tests.contract.conftest import Wait, memory_house
from tests.contract.ledger_workers import Workers

VERBS = (
    *("insert", "cancel", "repeat", "renew"),
    *("sweep", "leave") * 2,
    *("pass", "claim") * 3,
    *("advance",) * 5,
)
"""What may happen, the likelier the more often it is named."""

STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 31), st.integers(0, 255)), min_size=20, max_size=100)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_the_invariants_hold_in_memory_and_every_call_is_one_step(steps: list[tuple[str, int, int]]) -> None:
    house = memory_house()
    workers = Workers(house.ledger, house.wait)

    async def play() -> None:
        for how in (1, 2, 3, 4):
            await workers.step("insert", 0, how)
        for step in steps:
            await workers.step(*step)

    with pytest.raises(StopIteration):  # it ran to its end without waiting once: no call is more than one step
        play().send(None)


@pytest.mark.parametrize("seed", range(4))
async def test_the_invariants_hold_on_both_ledgers(ledger: Ledger, wait: Wait, seed: int) -> None:
    rng = random.Random(seed)
    workers = Workers(ledger, wait)
    for how in (1, 2, 3, 4):
        await workers.step("insert", 0, how)

    for verb in rng.choices(VERBS, k=100):
        await workers.step(verb, rng.randrange(32), rng.randrange(256))

    assert len(workers.workers) > 5
    assert any(worker.claimed.taken_over for worker in workers.workers)
