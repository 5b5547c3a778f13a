"""State machine of the ledger. Every call returns the result of the model, in any order, and I2 and I3 hold."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from motor.motor_asyncio import AsyncIOMotorClient

from ledger.mongo import MongoLedger
from schemas.statuses import Channel, Lane
from tests.contract.ledger.conftest import timed_memory_ledger, timed_mongo_ledger
from tests.contract.ledger.state_machine.chunk_rules import Owners

STEPS = 60
EXAMPLES, EXAMPLES_IN_MONGODB = 80, 6


pytestmark = pytest.mark.timeout(600)
"""Time limit in seconds. A passing test takes seconds, but shortening a failure may take minutes."""


class Machine(Owners):
    """Machine that ends each example with one worker that finishes all remaining work."""

    sound = False

    def check_invariants(self, *given: Any, **named: Any) -> None:
        self.sound = False
        super().check_invariants(*given, **named)
        self.sound = True

    def teardown(self) -> None:
        if self.sound:
            self.finish()

    def finish(self) -> None:
        for part in (self.begun("scheduled", 0), self.begun("large", 0), self.begun("large", 1)):
            while part[1] not in part[0].counted:
                self.expand(part, twice=False)
        for request in self.requests.values():
            self.order(self.ledger.requests.resume, request, to_odd=False, twice=False)
        while any(request.open for request in self.requests.values()):
            self.time_passes(70)
            for lane, channel, fresh in itertools.product(Lane, Channel, (False, True)):
                while owner := self.swept(lane, channel, fresh=fresh):
                    while not owner.left:
                        self.go_on(owner, ["sent", "sent"], twice=False, stopping=False)
        for request in self.requests.values():
            if request.completed is None:
                self.complete(self.ask_for_open_chunks(request))
        self.all_are_accounted_for()


def test_the_ledger_in_memory_is_as_its_model_and_every_call_is_one_step() -> None:
    seen: Counter[str] = Counter()

    def at_once(call: Awaitable[Any]) -> Any:
        try:
            call.__await__().send(None)
        except StopIteration as ended:
            return ended.value
        raise AssertionError("it waited")

    run_state_machine_as_test(
        lambda: Machine(timed_memory_ledger(), at_once, seen),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None),
    )
    assert seen["completed"]


def test_the_ledger_in_mongodb_is_as_the_model(contract_database: tuple[str, str]) -> None:
    url, name = contract_database
    with asyncio.Runner() as runner:
        client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(url)
        ledger = runner.run(MongoLedger.connect(url, name))
        runner.run(ledger.setup())

        async def wipe() -> None:
            for collection in ("requests", "chunks", "communication_logs"):
                await client[name][collection].delete_many({})

        def machine() -> Machine:
            runner.run(wipe())
            return Machine(timed_mongo_ledger(ledger, client, name), runner.run, Counter())

        try:
            run_state_machine_as_test(
                machine,
                settings=settings(max_examples=EXAMPLES_IN_MONGODB, stateful_step_count=STEPS, deadline=None),
            )
        finally:
            runner.run(wipe())
            runner.run(ledger.aclose())
            client.close()
