"""What a request of one recipient costs, counted on the real stack; and that the one by hand pays the same.

The two group their statements differently. So statements are compared between them, and not commands.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymongo import monitoring

from bench.costs import CommandCosts
from bench.single_document import SingleDocument, run
from bench.workload import small_requests
from devstack import Stack
from ledger.mongo import group_commit
from tests.flow.counted_sides import TENANT_READ, Intake, Spent, database, environment, running_product, spend

NUMBER = 40
PRODUCT, BY_HAND = "costs.product-s", "costs.by-hand-s"  # names of the same length, because documents have them


@pytest.fixture(scope="module")
def spent(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spent]:
    """Both sides, one after the other, each with topics and a database of its own. Each write is a command."""
    folder, listener = tmp_path_factory.mktemp("costs"), CommandCosts()
    monitoring.register(listener)
    intake = Intake("bulk.requests.express", list(small_requests("req-small", NUMBER)), updates=3 * NUMBER)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(stack, PRODUCT, folder).items():
            patch.setenv(name, value)
        patch.setattr(group_commit, "MAX_NUMBER", 1)
        product = asyncio.run(spend(running_product(), stack, PRODUCT, listener, intake))
    environment(stack, BY_HAND, folder)
    by_hand = asyncio.run(spend(running_by_hand(stack), stack, BY_HAND, listener, intake))
    return {"product": product, "by hand": by_hand}


@asynccontextmanager
async def running_by_hand(stack: Stack) -> AsyncIterator[None]:
    side = SingleDocument(stack.kafka_bootstrap, BY_HAND, stack.mongo_url, database(BY_HAND))
    running = asyncio.create_task(run(side, "ready"))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_request_of_one_recipient_costs_four_writes_and_no_read(spent: dict[str, Spent]) -> None:
    costs = spent["product"].costs
    each = {key: number / NUMBER for key, number in costs.counts.items() if key[0] != "record" and key != TENANT_READ}
    assert each == {
        ("update", "requests"): 3,  # written with its claimed chunk, closed and completed, announced
        ("insert", "communication_logs"): 1,
    }
    assert costs.counts["record", "results"] == 3 * NUMBER


def test_by_hand_it_costs_as_many_statements_and_records(spent: dict[str, Spent]) -> None:
    product, by_hand = spent["product"], spent["by hand"]
    assert by_hand.costs.statements == product.costs.statements
    assert by_hand.events == product.events
    assert by_hand.events == dict.fromkeys((b"request.accepted", b"delivery.sent", b"request.completed"), NUMBER)


def test_by_hand_it_has_no_other_command(spent: dict[str, Spent]) -> None:
    product, by_hand = (spent[side].costs.counts.keys() for side in ("product", "by hand"))
    assert by_hand == product - {TENANT_READ}


@pytest.mark.parametrize("what", [("update", "requests"), ("insert", "communication_logs")], ids=" ".join)
def test_by_hand_it_writes_the_same_bytes(what: tuple[str, str], spent: dict[str, Spent]) -> None:
    product, by_hand = (spent[side].costs.statement_sizes[what] for side in ("product", "by hand"))
    assert product
    assert by_hand == pytest.approx(product, rel=0.05)


def test_by_hand_its_records_have_the_same_bytes(spent: dict[str, Spent]) -> None:
    product, by_hand = (spent[side].costs.sizes["record", "results"] for side in ("product", "by hand"))
    assert product
    assert by_hand == pytest.approx(product, rel=0.05)
