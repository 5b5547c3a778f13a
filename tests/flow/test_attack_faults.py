"""Faults of our own side are not the records' faults, and whoever's record is given up is told."""

from dataclasses import replace

import pytest
from pymongo.errors import OperationFailure

from consumer.subscribers import _expand_or_refuse
from consumer.tools import Tools
from ledger.errors import LedgerUnavailable
from ledger.mongo.connection import answering
from tests.flow.world import World


@pytest.mark.parametrize("code", [13, 18])
def test_a_right_that_is_lacking_is_waited_for(code: int) -> None:
    """A password changed under a running consumer must not send its whole intake to the dead letters."""
    with pytest.raises(LedgerUnavailable), answering():
        raise OperationFailure("who are you", code)


async def test_who_sent_a_record_that_is_given_up_is_told() -> None:
    world = World()

    class Broken:
        async def begin(self, *_: object) -> None:
            raise ZeroDivisionError

    class Ledger:
        requests = Broken()

    tools: Tools = replace(world.tools(), ledger=Ledger())
    await _expand_or_refuse(world.record("13800138000", part=2, last=True), "cluster", tools)
    (rejected,) = world.events("request.rejected")
    assert (rejected["request_id"], rejected["tenant_id"], rejected["part"]) == ("r1", "t1", 2)
    assert rejected["reason"] == "unprocessable"
    assert "13800138000" not in repr(world.bus.events)
    assert len(world.bus.dead_letters) == 1
