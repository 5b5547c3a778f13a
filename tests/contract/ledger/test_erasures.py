"""Orders to erase the data of a person: taken when they are due, replaced by newer ones, and kept without a target."""

from dataclasses import replace
from datetime import timedelta

from ledger.erasure_port import Erasure, ErasureTarget
from ledger.ports import Ledger
from tests.contract.ledger.conftest import Wait
from tests.support.builders import ACCEPTED_AT, TENANT, a_hash

LEASE = 0.3
BY_ADDRESS = ErasureTarget(hashes=frozenset({a_hash("r1"), a_hash("r2")}))


def an_order(name: str = "e1", audit_id: str = "a1", target: ErasureTarget = BY_ADDRESS) -> Erasure:
    return Erasure(name, TENANT, ACCEPTED_AT, target, audit_id, ACCEPTED_AT + timedelta(minutes=15))


async def test_an_order_is_due_at_once_and_again_after_its_lease(ledger: Ledger, wait: Wait) -> None:
    await ledger.erasures.start(an_order())

    assert await ledger.erasures.take_due(LEASE) == an_order()
    assert await ledger.erasures.take_due(LEASE) is None
    await wait(LEASE)
    assert await ledger.erasures.take_due(LEASE) == an_order()


async def test_the_order_that_is_due_for_longest_comes_first(ledger: Ledger, wait: Wait) -> None:
    await ledger.erasures.start(an_order("e1"))
    await wait(0.05)
    await ledger.erasures.start(an_order("e2", target=ErasureTarget("usr_1")))

    taken = [await ledger.erasures.take_due(60) for _ in range(3)]

    assert taken == [an_order("e1"), an_order("e2", target=ErasureTarget("usr_1")), None]


async def test_a_postponed_order_keeps_its_tries_and_counts(ledger: Ledger, wait: Wait) -> None:
    await ledger.erasures.start(an_order())
    tried = replace(an_order(), tries=2, counts={"deliveries": 7})

    assert await ledger.erasures.postpone(tried, ledger.now() + timedelta(seconds=LEASE))
    assert await ledger.erasures.take_due(60) is None
    await wait(LEASE)
    assert await ledger.erasures.take_due(60) == tried


async def test_a_newer_order_replaces_one_that_is_being_carried_out(ledger: Ledger) -> None:
    await ledger.erasures.start(an_order())
    old = replace(an_order(), counts={"deliveries": 7})
    await ledger.erasures.start(an_order(audit_id="a2"))

    assert not await ledger.erasures.postpone(old, ledger.now())
    assert not await ledger.erasures.finish(old)
    assert await ledger.erasures.take_due(60) == an_order(audit_id="a2")


async def test_a_finished_order_is_found_and_not_due_any_more(ledger: Ledger) -> None:
    await ledger.erasures.start(an_order())

    assert await ledger.erasures.finish(an_order())
    assert await ledger.erasures.finish(an_order())
    assert not await ledger.erasures.postpone(an_order(), ledger.now())
    assert await ledger.erasures.take_due(60) is None
    assert await ledger.erasures.find(["e1", "e2"]) == {"e1": ACCEPTED_AT}


async def test_a_finished_order_can_be_reopened_with_its_counts(ledger: Ledger) -> None:
    await ledger.erasures.start(an_order())
    await ledger.erasures.finish(replace(an_order(), counts={"deliveries": 7}))
    target, last_pass_at = ErasureTarget(hashes=frozenset({a_hash("r3")})), ledger.now()

    await ledger.erasures.reopen("e1", target, ledger.now(), last_pass_at)

    reopened = replace(an_order(target=target), last_pass_at=last_pass_at, counts={"deliveries": 7})
    assert await ledger.erasures.take_due(60) == reopened


async def test_an_order_that_is_not_finished_is_not_reopened(ledger: Ledger) -> None:
    await ledger.erasures.start(an_order())

    await ledger.erasures.reopen("e1", ErasureTarget("usr_1"), ledger.now() + timedelta(hours=1), ledger.now())
    await ledger.erasures.reopen("e2", ErasureTarget("usr_1"), ledger.now(), ledger.now())

    assert await ledger.erasures.take_due(60) == an_order()
    assert await ledger.erasures.take_due(60) is None


async def test_the_orders_that_concern_a_request_are_those_of_its_tenant_after_its_acceptance(ledger: Ledger) -> None:
    later = ACCEPTED_AT + timedelta(seconds=1)
    for order in (an_order("e1"), replace(an_order("e2"), before=later), replace(an_order("e3"), tenant_id="other")):
        await ledger.erasures.start(order)
    await ledger.erasures.finish(replace(an_order("e2"), before=later))

    assert await ledger.erasures.find_since(TENANT, ACCEPTED_AT, 10) == {"e1", "e2"}
    assert await ledger.erasures.find_since(TENANT, later, 10) == {"e2"}
    assert len(await ledger.erasures.find_since(TENANT, ACCEPTED_AT, 1)) == 1
    assert await ledger.erasures.find_since(TENANT, later + timedelta(seconds=1), 10) == set()
